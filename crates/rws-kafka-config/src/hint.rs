//! "Did you mean": for keys, environment variables, flags and properties.

use crate::catalogue;
use crate::java;
use crate::setting::Setting;
use crate::settings::{Key, settings};

/// For a name that is no setting, in whatever spelling its layer has: the
/// setting that was probably meant, as `spell` writes it.
pub(crate) fn for_setting(name: &str, spell: fn(&Setting) -> String) -> String {
    let plain = plain(name);
    if let Some(key) =
        Key::find(|setting| setting.properties().iter().any(|p| self::plain(p) == plain))
    {
        return did_you_mean(&spell(key.setting()));
    }
    if let Some(property) = catalogue::names().find(|property| self::plain(property) == plain) {
        return format!("; librdkafka's `{property}` goes under `[kafka.properties]` in the file");
    }
    if plain.starts_with("properties_") {
        return "; properties are set under `[kafka.properties]` in the file".to_owned();
    }
    closest(&plain, settings().iter().map(Setting::key))
        .and_then(|close| Key::find(|setting| setting.key() == close))
        .map_or_else(String::new, |key| did_you_mean(&spell(key.setting())))
}

/// For a name that is no property of librdkafka.
pub(crate) fn for_property(name: &str) -> String {
    if let Some(advice) = java::advice(name) {
        return format!(" (the Java client has it; here {advice})");
    }
    let plain = plain(name);
    if let Some(key) = Key::find(|setting| setting.key() == plain) {
        return format!(
            "; did you mean the setting `{}` of `[kafka]`?",
            key.setting().key()
        );
    }
    catalogue::names()
        .find(|property| self::plain(property) == plain)
        .or_else(|| closest(name, catalogue::names()))
        .map_or_else(String::new, did_you_mean)
}

/// For the name of a table: the one that was probably meant.
pub(crate) fn for_table(name: &str, known: &'static str, spelled: &str) -> Option<String> {
    closest(&plain(name), std::iter::once(known)).map(|_| did_you_mean(spelled))
}

fn did_you_mean(name: &str) -> String {
    format!("; did you mean `{name}`?")
}

/// One spelling for `client.id`, `client-id` and `CLIENT_ID`.
fn plain(name: &str) -> String {
    name.replace(['-', '.'], "_").to_ascii_lowercase()
}

/// The nearest candidate, unless a third of its letters or more would differ.
fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time and memory by the product of the lengths.
    if name.len() > 128 {
        return None;
    }
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
