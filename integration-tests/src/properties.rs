//! Java's properties files.

/// Returns one line per property, for Java to read.
pub(crate) fn properties_text(properties: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in properties {
        text += &format!("{name}={}\n", escaped(value));
    }
    text
}

/// Returns a value as a Java properties file escapes it.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            ' '..='~' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    text += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_values_are_spelled_for_java() {
        assert_eq!(escaped(r"a\b"), r"a\\b");
        assert_eq!(escaped("a\nb"), r"a\nb");
        assert_eq!(escaped("é😀"), r"\u00e9\ud83d\ude00");
    }
}
