//! Formats numbers, times and sizes for people.

/// Cuts a text after this many characters.
pub(super) fn short(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Groups the digits: `1,234,567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count with its noun: `1 message`, `1,234 messages`.
pub(super) fn count(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// Formats a number, or `unknown`.
pub(super) fn known(value: Option<u64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), number)
}

/// Formats milliseconds in the two largest units: `870 ms`, `12 s`, `4 min 5 s`, `3 h 4 min`, `2 d 3 h`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => two((minutes, "min"), (seconds % 60, "s")),
        3600..86_400 => two((hours, "h"), (minutes % 60, "min")),
        _ => two((days, "d"), (hours % 24, "h")),
    }
}

fn two(large: (u64, &str), small: (u64, &str)) -> String {
    if small.0 == 0 {
        format!("{} {}", large.0, large.1)
    } else {
        format!("{} {} {} {}", large.0, large.1, small.0, small.1)
    }
}

/// Formats a size in bytes: `0 B`, `1.5 KiB`, `3.0 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// The last millisecond of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;

/// Formats milliseconds since 1970: `2026-11-24 13:40:05 UTC`.
pub(super) fn utc(unix_ms: u64) -> String {
    let seconds = unix_ms.min(LAST_MS) / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (mut year, mut day) = (1970, seconds / 86_400);
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let mut month = 0;
    while day >= days_in(year, month) {
        day -= days_in(year, month);
        month += 1;
    }
    let (month, day) = (month + 1, day + 1);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Returns the number of days in a month, which counts from 0.
fn days_in(year: u64, month: usize) -> u64 {
    let february = if is_leap(year) { 29 } else { 28 };
    [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let shown = [0, 999, 12_900, 60_000, 245_000, 11_040_000, 183_600_000].map(duration);
        let expected = [
            "0 ms",
            "999 ms",
            "12 s",
            "1 min",
            "4 min 5 s",
            "3 h 4 min",
            "2 d 3 h",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn sizes_have_binary_units() {
        let shown = [0, 1023, 1024, 1536, 5 << 20, u64::MAX].map(bytes);
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "5.0 MiB",
            "16777216.0 TiB",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(seconds * 1000), expected);
        }
        assert_eq!(utc(u64::MAX), "9999-12-31 23:59:59 UTC");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(short("größer", 3), "grö…");
        assert_eq!(short("größer", 6), "größer");
    }
}
