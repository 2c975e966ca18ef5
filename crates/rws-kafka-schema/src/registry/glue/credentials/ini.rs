//! Parses AWS's profile files.

use std::collections::HashMap;

/// A profile's settings, by lower-case name.
pub(super) type Settings = HashMap<String, String>;

/// The kind of file, which determines the form of its section headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[name]`.
    Credentials,
    /// `[profile name]`, and `[default]`.
    Config,
}

/// Adds the profiles of `text` to `profiles`, replacing settings that are already there. Lines that are not
/// settings are skipped, and so are nested settings.
pub(super) fn add(text: &str, kind: Kind, profiles: &mut HashMap<String, Settings>) {
    let mut profile: Option<&str> = None;
    let mut is_nested = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = without_comment(line).trim();
        if line.is_empty() || (is_indented && is_nested) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            profile = header
                .split(']')
                .next()
                .and_then(|name| name_of(name, kind));
            is_nested = false;
            if let Some(name) = profile {
                profiles.entry(name.to_owned()).or_default();
            }
            continue;
        }
        let (Some(name), Some((key, value))) = (profile, line.split_once('=')) else {
            continue;
        };
        let value = value.trim();
        is_nested = value.is_empty();
        if let (Some(settings), false) = (profiles.get_mut(name), is_nested) {
            settings.insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
}

/// Removes a comment, which begins the line or follows white space.
fn without_comment(line: &str) -> &str {
    let mut is_after_space = true;
    for (position, letter) in line.char_indices() {
        if is_after_space && matches!(letter, '#' | ';') {
            return &line[..position];
        }
        is_after_space = letter.is_whitespace();
    }
    line
}

fn name_of(header: &str, kind: Kind) -> Option<&str> {
    let header = header.trim();
    let name = match kind {
        Kind::Credentials => header,
        Kind::Config if header == "default" => header,
        Kind::Config => header
            .strip_prefix("profile")?
            .strip_prefix([' ', '\t'])?
            .trim(),
    };
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, kind: Kind) -> HashMap<String, Settings> {
        let mut profiles = HashMap::new();
        add(text, kind, &mut profiles);
        profiles
    }

    #[test]
    fn profiles_are_read_from_a_config_file() {
        let text = "# all of them\n[default]\nregion = eu-central-1 # where\ns3 =\n  region = no\n  a = b\n\
                    output=json\n[profile dev]\nRole_Arn = arn:aws:iam::1:role/a;b#c\n\
                    [profile \"two words\"]\n\tregion=x\n[sso-session s]\nregion = y\n[dev]\nregion = z\n";
        let profiles = read(text, Kind::Config);
        let mut names: Vec<&String> = profiles.keys().collect();
        names.sort();
        assert_eq!(names, ["default", "dev", "two words"]);
        assert_eq!(profiles["default"]["region"], "eu-central-1");
        assert_eq!(profiles["default"]["output"], "json");
        assert_eq!(profiles["default"].len(), 2);
        assert_eq!(profiles["dev"]["role_arn"], "arn:aws:iam::1:role/a;b#c");
        assert_eq!(profiles["two words"]["region"], "x");
    }

    #[test]
    fn profiles_are_read_from_a_credentials_file() {
        let text = "\u{feff}[default]\r\naws_access_key_id = A\r\naws_secret_access_key = a=b/+=\r\n[dev]\r\n";
        let profiles = read(text, Kind::Credentials);
        assert_eq!(profiles["default"]["aws_secret_access_key"], "a=b/+=");
        assert!(profiles["dev"].is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]=#; a-c\n\"ä]*") {
            read(&text, Kind::Credentials);
            read(&text, Kind::Config);
        }
    }
}
