//! The settings of a broker's container.

use testcontainers::{
    ContainerRequest, GenericImage, ImageExt,
    core::{CopyDataSource, IntoContainerPort},
};

use crate::{container::Image, properties::properties_text};

pub(super) const IMAGE: Image = Image {
    name: "rws-kafka/kafka",
    tag: "4.1.0",
};

/// The port, inside, of the listener that clients on the host use.
const HOST_PORT: u16 = 9092;
/// The port, inside, where the brokers of a cluster and the tools beside them connect.
const CLUSTER_PORT: u16 = 9094;
const EXTRA_PROPERTIES: &str = "/etc/kafka/extra.properties";
pub(crate) const SERVER_PEM: &str = "/etc/kafka/server.pem";
pub(crate) const CA_PEM: &str = "/etc/kafka/ca.pem";

/// The settings of a container.
#[derive(Default)]
pub(super) struct Setup {
    /// Of the listener for clients.
    pub(super) protocol: &'static str,
    pub(super) properties: Vec<(String, String)>,
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) scram_users: String,
    /// `None` for a single broker.
    pub(super) member: Option<Member>,
    /// `true` to run at full speed, `false` to start in half the time.
    pub(super) is_for_load: bool,
}

/// A broker's place in a cluster.
pub(super) struct Member {
    /// The one that all are in, where each is found by its container's name.
    pub(super) network: String,
    pub(super) containers: Vec<String>,
    pub(super) index: usize,
}

impl Member {
    /// Returns the id of a cluster's broker with this index; a single broker is broker 1 too.
    pub(super) fn id(index: usize) -> i32 {
        i32::try_from(index).expect("a small index") + 1
    }

    /// Returns the address for tools in a container of the cluster.
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
        let mut listeners =
            format!("HOST://:{HOST_PORT},INTERNAL://:{internal},CONTROLLER://:9093");
        let mut advertised = format!("HOST://localhost:{port},INTERNAL://localhost:{internal}");
        let mut variables = Vec::new();
        if let Some(member) = &self.member {
            let name = &member.containers[member.index];
            // `localhost` means a different host for each of them.
            listeners += &format!(",CLUSTER://:{CLUSTER_PORT}");
            advertised += &format!(",CLUSTER://{name}:{CLUSTER_PORT}");
            variables = vec![
                ("KAFKA_NODE_ID", Member::id(member.index).to_string()),
                ("KAFKA_CONTROLLER_QUORUM_VOTERS", member.voters()),
                ("KAFKA_INTER_BROKER_LISTENER_NAME", "CLUSTER".to_owned()),
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
            // Records of long ago stay, whenever the broker looks for such: 30 s after its start
            // at first.
            ("KAFKA_LOG_RETENTION_MS", "-1".to_owned()),
        ]);

        if self.is_for_load {
            variables.push(("JAVA_OPTIONS", String::new()));
        }

        let text = properties_text(&self.properties);
        let mut request = IMAGE
            .request()
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
            Some(member) => request
                .with_network(&member.network)
                .with_container_name(&member.containers[member.index]),
            None => request,
        }
    }
}
