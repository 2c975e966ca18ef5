//! What a broker's container is made with.

use testcontainers::{
    ContainerRequest, GenericImage, ImageExt,
    core::{CopyDataSource, IntoContainerPort},
};

use super::START;
use crate::{
    names::unique,
    reaper::{PROCESS_LABEL, RUN_LABEL, process_label, run_label},
};

pub(super) const IMAGE: &str = "rws-kafka/kafka";
pub(super) const TAG: &str = "4.1.0";

/// The port, inside, of the listener that clients on the host use.
const HOST_PORT: u16 = 9092;
/// The port, inside, where the brokers of a cluster and the tools beside them connect.
const CLUSTER_PORT: u16 = 9094;
const EXTRA_PROPERTIES: &str = "/etc/kafka/extra.properties";
pub(crate) const SERVER_PEM: &str = "/etc/kafka/server.pem";
pub(crate) const CA_PEM: &str = "/etc/kafka/ca.pem";

/// What a container is made with.
#[derive(Default)]
pub(super) struct Setup {
    /// Of the listener for clients.
    pub(super) protocol: &'static str,
    pub(super) properties: Vec<(String, String)>,
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) scram_users: String,
    /// `None`: a broker that is all by itself.
    pub(super) member: Option<Member>,
}

/// A broker's place in a cluster.
pub(super) struct Member {
    /// The one that all are in, where each is found by its container's name.
    pub(super) network: String,
    pub(super) containers: Vec<String>,
    pub(super) index: usize,
}

impl Member {
    /// The id of a cluster's broker of this index; one by itself is broker 1, too.
    pub(super) fn id(index: usize) -> i32 {
        i32::try_from(index).expect("a small index") + 1
    }

    /// Where tools in a container of the cluster connect.
    pub(super) fn bootstrap(&self) -> String {
        let addresses = self
            .containers
            .iter()
            .map(|name| format!("{name}:{CLUSTER_PORT}"));
        addresses.collect::<Vec<_>>().join(",")
    }

    fn voters(&self) -> String {
        let voters = self.containers.iter().enumerate();
        let voters = voters.map(|(index, name)| format!("{}@{name}:9093", Self::id(index)));
        voters.collect::<Vec<_>>().join(",")
    }
}

impl Setup {
    pub(super) fn request(&self, port: u16, internal: u16) -> ContainerRequest<GenericImage> {
        let mut name = unique("rws-kafka-test");
        let mut listeners =
            format!("HOST://:{HOST_PORT},INTERNAL://:{internal},CONTROLLER://:9093");
        let mut advertised = format!("HOST://localhost:{port},INTERNAL://localhost:{internal}");
        let mut variables = Vec::new();
        if let Some(member) = &self.member {
            name.clone_from(&member.containers[member.index]);
            // `localhost` is another place for each of them.
            listeners += &format!(",CLUSTER://:{CLUSTER_PORT}");
            advertised += &format!(",CLUSTER://{name}:{CLUSTER_PORT}");
            variables = vec![
                ("KAFKA_NODE_ID", Member::id(member.index).to_string()),
                ("KAFKA_CONTROLLER_QUORUM_VOTERS", member.voters()),
                ("KAFKA_INTER_BROKER_LISTENER_NAME", "CLUSTER".to_owned()),
                // Three at once: compile fast and forgo the last bit of speed.
                ("JAVA_OPTIONS", "-XX:TieredStopAtLevel=1".to_owned()),
            ];
        }
        let protocols = format!(
            "HOST:{},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,CLUSTER:PLAINTEXT",
            self.protocol
        );
        variables.extend([
            ("KAFKA_LISTENERS", listeners),
            ("KAFKA_ADVERTISED_LISTENERS", advertised),
            ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", protocols),
            ("SCRAM_USERS", self.scram_users.clone()),
        ]);

        let mut text = String::new();
        for (name, value) in &self.properties {
            text += &format!("{name}={}\n", escaped(value));
        }
        let mut request = GenericImage::new(IMAGE, TAG)
            .with_container_name(name)
            .with_label(RUN_LABEL, run_label())
            .with_label(PROCESS_LABEL, process_label())
            .with_startup_timeout(START)
            .with_mapped_port(port, HOST_PORT.tcp())
            .with_mapped_port(internal, internal.tcp())
            .with_copy_to(EXTRA_PROPERTIES, CopyDataSource::Data(text.into_bytes()));
        for (name, value) in variables {
            request = request.with_env_var(name, value);
        }
        for (path, text) in &self.files {
            request = request.with_copy_to(*path, CopyDataSource::Data(text.clone().into_bytes()));
        }
        match &self.member {
            Some(member) => request.with_network(&member.network),
            None => request,
        }
    }
}

/// A value as a Java properties file spells it.
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
