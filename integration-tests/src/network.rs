//! A network of containers that find each other by name.

use testcontainers::{bollard::models::NetworkCreateRequest, core::client::docker_client_instance};

use crate::{
    names::unique,
    reaper::{PROCESS_LABEL, RUN_LABEL, process_label, run_label, watched},
    runtime::run,
};

const OPERATION: std::time::Duration = std::time::Duration::from_secs(30);

/// Removed when this value is dropped: drop the containers in it before.
#[derive(Debug)]
pub(crate) struct Network {
    name: String,
}

impl Network {
    /// Creates a network, because one that testcontainers creates would have no label.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub(crate) fn create() -> Self {
        let name = unique("rws-kafka-test");
        let request = NetworkCreateRequest {
            name: name.clone(),
            labels: Some(
                [
                    (RUN_LABEL.to_owned(), run_label()),
                    (PROCESS_LABEL.to_owned(), process_label().to_owned()),
                ]
                .into(),
            ),
            ..NetworkCreateRequest::default()
        };
        let created = watched(|| {
            run(OPERATION, || async {
                let docker = docker_client_instance().await.map_err(|e| e.to_string())?;
                let created = docker.create_network(request).await;
                created.map_err(|error| error.to_string())
            })
        });
        match created {
            Ok(_) => Self { name },
            Err(error) => panic!("cannot create the network {name}: {error}"),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Network {
    /// Tries for 30 s; otherwise the reaper removes it.
    fn drop(&mut self) {
        let _ = run(OPERATION, || async {
            let docker = docker_client_instance().await.map_err(|e| e.to_string())?;
            let removed = docker.remove_network(&self.name).await;
            removed.map_err(|error| error.to_string())
        });
    }
}
