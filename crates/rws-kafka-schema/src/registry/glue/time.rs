//! Formats and parses times as AWS writes them, always in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// Formats a time as `20150830T123600Z`. The first 8 characters are the day.
pub(super) fn stamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Parses `2015-08-30T12:36:00Z`, with or without a fraction of a second, and with `Z` or an offset such as
/// `+02:00`.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second;
    let local = UNIX_EPOCH + Duration::from_secs(seconds);
    let ahead = |offset: &str| {
        let [hours, minutes] = numbers(offset, ':')?;
        (hours < 24 && minutes < 60).then(|| Duration::from_secs(hours * 3_600 + minutes * 60))
    };
    match zone.split_at_checked(1)? {
        ("Z" | "z", "") => Some(local),
        ("+", offset) => local.checked_sub(ahead(offset)?),
        ("-", offset) => local.checked_add(ahead(offset)?),
        _ => None,
    }
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next()?;
        if part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Returns the date of a day after 1 January 1970, in cycles of 400 years that start on 1 March of year 0
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (cycle * 400 + year + u64::from(month <= 2), month, day)
}

/// Returns the inverse of [`date`], from 1970 on.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (cycle, year) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * shifted + 2) / 5 + day - 1;
    cycle * 146_097 + 365 * year + year / 4 - year / 100 + day - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_written_and_read() {
        for (seconds, stamped, text) in [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z"),
            (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z"),
            (1_440_938_160, "20150830T123600Z", "2015-08-30T12:36:00Z"),
            (4_107_542_399, "21000228T235959Z", "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(stamp(at(seconds)), stamped);
            assert_eq!(parse(text), Some(at(seconds)), "{text}");
        }
    }

    #[test]
    fn fractions_and_offsets_are_read() {
        for text in [
            "2015-08-30T12:36:00.123456Z",
            "2015-08-30T14:36:00+02:00",
            "2015-08-30T07:06:00.5-05:30",
        ] {
            assert_eq!(parse(text), Some(at(1_440_938_160)), "{text}");
        }
        for text in [
            "",
            "now",
            "2015-08-30",
            "2015-08-30T12:36:00",
            "2015-13-30T12:36:00Z",
            "2015-08-30T12:36Z",
            "2015-08-30T12:36:00Zx",
            "2015-08-30T12:36:00+99:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+ä",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in 0_u64..253_402_300_800) {
            let stamp = stamp(at(seconds));
            let (date, time) = stamp.split_at(8);
            let text = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &date[..4], &date[4..6], &date[6..], &time[1..3], &time[3..5], &time[5..7],
            );
            prop_assert_eq!(parse(&text), Some(at(seconds)));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
