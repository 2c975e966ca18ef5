//! The settings that are declared in [`table`](crate::table).

use std::fmt::Write as _;

use crate::kind::{self, millis};
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::setting::{Names, Setting};
use crate::spelling::{self, ENV_PREFIX, FLAG_PREFIX};
use crate::table::each_setting;

macro_rules! declare {
    ($(
        $Key:ident {
            key: $key:ident,
            in_code: $setter:ident($type:ident),
            kind: $kind:expr,
            default: $default:expr,
            properties: $properties:expr,
            doc: $doc:literal,
        }
    )+) => {
        /// Names a setting inside this crate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Key {
            $($Key,)+
        }

        impl Key {
            pub(crate) const ALL: &[Key] = &[$(Key::$Key,)+];
        }

        static SETTINGS: &[Setting] = &[$(
            Setting::new(
                {
                    const KEY: &str = stringify!($key);
                    const ENV: [u8; ENV_PREFIX.len() + KEY.len()] = spelling::env(KEY);
                    const FLAG: [u8; FLAG_PREFIX.len() + KEY.len()] = spelling::flag(KEY);
                    Names {
                        key: KEY,
                        env: spelling::text(&ENV),
                        flag: spelling::text(&FLAG),
                    }
                },
                &$kind,
                $default,
                $properties,
                $doc,
            ),
        )+];
    };
}

each_setting!(declare);

impl Key {
    pub(crate) fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    pub(crate) fn find(matches: impl Fn(&Setting) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| matches(key.setting()))
    }
}

/// Returns every setting, in the order of the reference table.
///
/// ```
/// let brokers = &rws_kafka_config::settings()[0];
/// assert_eq!(brokers.env(), "RWS_CONFIG_KAFKA_BROKERS");
/// ```
#[must_use]
pub fn settings() -> &'static [Setting] {
    SETTINGS
}

/// Returns the reference table of all settings, as Markdown.
#[must_use]
pub fn reference_table() -> String {
    let mut table = String::from(
        "| `[kafka]` key | environment variable | flag | default | allowed | what it is for |\n\
         |---|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let default = setting
            .default_value()
            .map_or_else(String::new, |text| format!("`{text}`"));
        let secret = if setting.is_secret() { " (secret)" } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | `{}` | `{}=` | {default} | {}{secret} | {} |",
            setting.key(),
            setting.env(),
            setting.flag(),
            setting.allowed(),
            setting.doc(),
        );
    }
    table
}
