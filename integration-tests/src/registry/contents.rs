//! What is registered, asked and changed past the client under test.

use serde_json::{Value, json};

use super::Registry;
use crate::http::{HttpAnswer, HttpRequest};

impl Registry {
    /// Asks the registry, by a path below its URL such as `/subjects`.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn get(&self, path: &str) -> HttpAnswer {
        self.send("GET", path, None)
    }

    /// Sends the registry a request of any method, with JSON if need be.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> HttpAnswer {
        self.try_send(method, path, body)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns every subject that has a schema, sorted.
    ///
    /// # Panics
    ///
    /// Panics if the registry does not answer.
    #[track_caller]
    pub fn subjects(&self) -> Vec<String> {
        let answer = self.get("/subjects").ok();
        let mut subjects: Vec<String> = answer
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        subjects.sort();
        subjects
    }

    /// Returns the versions of a subject; none if there is no such subject.
    ///
    /// # Panics
    ///
    /// Panics if the registry does not answer.
    #[track_caller]
    pub fn versions(&self, subject: &str) -> Vec<i64> {
        let answer = self.get(&format!("/subjects/{}/versions", encoded(subject)));
        if answer.status == 404 {
            return Vec::new();
        }
        let versions = answer.ok();
        let versions = versions.as_array().into_iter().flatten();
        versions.filter_map(Value::as_i64).collect()
    }

    /// Asks for a schema to be registered: `schema_type` is `AVRO`, `JSON` or `PROTOBUF`, a
    /// reference is a name, a subject and a version.
    ///
    /// # Panics
    ///
    /// Panics if the registry does not answer.
    #[track_caller]
    pub fn try_register(
        &self,
        subject: &str,
        schema_type: &str,
        schema: &str,
        references: &[(&str, &str, i64)],
    ) -> HttpAnswer {
        let references: Vec<Value> = references
            .iter()
            .map(|(name, subject, version)| {
                json!({"name": name, "subject": subject, "version": version})
            })
            .collect();
        let body = json!({"schemaType": schema_type, "schema": schema, "references": references});
        let path = format!("/subjects/{}/versions", encoded(subject));
        self.send("POST", &path, Some(&body))
    }

    /// Registers a schema as [`try_register`](Self::try_register) does, and returns its id.
    ///
    /// # Panics
    ///
    /// Panics if the registry refuses.
    #[track_caller]
    pub fn register(
        &self,
        subject: &str,
        schema_type: &str,
        schema: &str,
        references: &[(&str, &str, i64)],
    ) -> u32 {
        let answer = self.try_register(subject, schema_type, schema, references);
        let id = answer.ok()["id"].as_u64().and_then(|id| id.try_into().ok());
        id.unwrap_or_else(|| panic!("{subject} was registered without an id: {}", answer.body))
    }

    /// Gives a subject a compatibility of its own: `NONE`, `FULL`, …
    ///
    /// # Panics
    ///
    /// Panics if the registry refuses.
    #[track_caller]
    pub fn set_compatibility(&self, subject: &str, level: &str) {
        let path = format!("/config/{}", encoded(subject));
        self.send("PUT", &path, Some(&json!({"compatibility": level})))
            .ok();
    }

    #[track_caller]
    pub(super) fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<HttpAnswer, String> {
        let mut request = HttpRequest::new(method, &format!("{}{path}", self.plain_url()));
        if let Some((user, password)) = self.login() {
            request = request.basic_auth(user, password);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send()
    }
}

/// Returns a name as a segment of a path.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_for_a_path() {
        assert_eq!(encoded("a.b-c_d~9"), "a.b-c_d~9");
        assert_eq!(encoded("a/b c%é"), "a%2Fb%20c%25%C3%A9");
    }
}
