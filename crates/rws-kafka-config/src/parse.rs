//! Parses the text of a setting. The text is trimmed, not empty, and without NUL.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

/// Why a text is not a valid value of a setting.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// The invalid part of the text, if not all of it is invalid.
    pub(crate) part: Option<String>,
    pub(crate) why: Option<&'static str>,
}

impl Invalid {
    const WHOLE: Self = Self {
        part: None,
        why: None,
    };
}

pub(crate) fn text(text: &str) -> Result<String, Invalid> {
    Ok(text.to_owned())
}

pub(crate) fn path(text: &str) -> Result<PathBuf, Invalid> {
    Ok(PathBuf::from(text))
}

pub(crate) fn secret(text: &str) -> Result<SecretString, Invalid> {
    Ok(SecretString::from(text))
}

pub(crate) fn name<T: FromStr>(text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|_| Invalid::WHOLE)
}

/// Applies the rule of Kafka's Java client (KIP-345), which is that of topic names.
pub(crate) fn instance_id(text: &str) -> Result<String, Invalid> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 249 && text.chars().all(legal) && !matches!(text, "." | "..") {
        Ok(text.to_owned())
    } else {
        Err(Invalid::WHOLE)
    }
}

pub(crate) fn millis<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, Invalid> {
    match text.parse::<u64>() {
        Ok(millis) if (MIN..=MAX).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err(Invalid::WHOLE),
    }
}

pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Invalid::WHOLE),
    }
}

pub(crate) fn urls(text: &str) -> Result<String, Invalid> {
    let urls: Vec<&str> = text.split(',').map(str::trim).collect();
    for url in &urls {
        check_url(url).map_err(|why| Invalid {
            part: (!url.is_empty()).then(|| (*url).to_owned()),
            why: Some(why),
        })?;
    }
    Ok(urls.join(","))
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .ok_or("http:// or https:// is missing")?;
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("user and password have settings of their own");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err("the host is missing");
    }
    if rest.contains(['?', '#']) {
        return Err("a query is not allowed");
    }
    Ok(())
}

pub(crate) fn brokers(text: &str) -> Result<String, Invalid> {
    let brokers: Vec<&str> = text.split(',').map(str::trim).collect();
    for broker in &brokers {
        check_broker(broker).map_err(|why| {
            // If the part between two commas is empty, showing the whole list is clearer.
            let part = (!broker.is_empty()).then(|| (*broker).to_owned());
            Invalid {
                part,
                why: Some(why),
            }
        })?;
    }
    Ok(brokers.join(","))
}

fn check_broker(broker: &str) -> Result<(), &'static str> {
    if broker.is_empty() {
        return Err("a broker between commas is empty");
    }
    if broker.contains("://") {
        return Err("a protocol is not allowed: `security_protocol` sets it for all brokers");
    }
    let (host, port) = if let Some(bracketed) = broker.strip_prefix('[') {
        let (address, rest) = bracketed
            .split_once(']')
            .ok_or("the bracket of the IPv6 address is not closed")?;
        let (address, zone) = address.split_once('%').unwrap_or((address, "0"));
        if address.parse::<Ipv6Addr>().is_err() || zone.is_empty() {
            return Err("the text in brackets is not an IPv6 address");
        }
        let port = match rest {
            "" => None,
            _ => Some(
                rest.strip_prefix(':')
                    .ok_or("`]` is not followed by `:port`")?,
            ),
        };
        (None, port)
    } else {
        match broker.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err("there is more than one colon (an IPv6 address needs brackets)");
            }
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(broker), None),
        }
    };
    if let Some(host) = host {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if host.is_empty() {
            return Err("the host is missing");
        }
        if host.len() > 253 || !host.chars().all(legal) {
            return Err("the host is neither a name of a-z A-Z 0-9 . _ - nor an IP address");
        }
    }
    match port {
        None => Ok(()),
        Some(port) => match port.parse::<u16>() {
            // `parse` would accept a leading plus.
            Ok(1..) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            _ => Err("the port is not a number from 1 to 65535"),
        },
    }
}
