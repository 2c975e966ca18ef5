//! Suggests a similar name ("did you mean") for an unknown key, variable, flag or property.

use crate::catalogue;
use crate::java;
use crate::setting::Setting;
use crate::settings::{Key, settings};

/// Suggests a setting for an unknown name in any layer's spelling, written by `spell`.
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

/// Suggests a librdkafka property for an unknown name.
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

/// Suggests the known table if the name is similar to it.
pub(crate) fn for_table(name: &str, known: &'static str, spelled: &str) -> Option<String> {
    closest(&plain(name), std::iter::once(known)).map(|_| did_you_mean(spelled))
}

fn did_you_mean(name: &str) -> String {
    format!("; did you mean `{name}`?")
}

/// Returns one spelling for `client.id`, `client-id` and `CLIENT_ID`.
fn plain(name: &str) -> String {
    name.replace(['-', '.'], "_").to_ascii_lowercase()
}

/// Returns the nearest candidate, unless a third or more of its letters differ.
fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Time and memory of the distance grow with the product of the lengths.
    if name.len() > 128 {
        return None;
    }
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
