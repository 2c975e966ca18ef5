//! The values of all settings, after each value's own check.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::Problem;
use crate::kind::{self, millis};
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::raw::Raw;
use crate::settings::Key;
use crate::slot::{AnySlot, Slot};
use crate::table::each_setting;

macro_rules! values {
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
        /// A slot for each setting, named by its key.
        pub(crate) struct Values {
            $(pub(crate) $key: Slot<$type>,)+
        }

        impl Values {
            pub(crate) fn read(raw: &Raw, problems: &mut Vec<Problem>) -> Self {
                Self {
                    $($key: Slot::read(raw, Key::$Key, $kind.parse, problems),)+
                }
            }

            /// Calls `each` for every setting, in the order of the table.
            pub(crate) fn for_each(&self, mut each: impl FnMut(Key, &dyn AnySlot)) {
                $(each(Key::$Key, &self.$key);)+
            }
        }
    };
}

each_setting!(values);
