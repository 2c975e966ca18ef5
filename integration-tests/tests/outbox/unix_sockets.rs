//! URLs without a host's name, as psql takes them.

use integration_tests::Postgres;
use rws_kafka::outbox::{OutboxError, Pool, migrate};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

#[test]
fn a_socket_in_a_folder_and_an_address_alone_lead_to_the_server() -> Result<(), OutboxError> {
    let url = Postgres::shared().create_database();
    let (server, database) = url.rsplit_once('/').expect("a database");
    let (_, port) = server.rsplit_once(':').expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join(".s.PGSQL.5432");
    serve_at(
        UnixListener::bind(socket).expect("a socket"),
        format!("localhost:{port}"),
    );

    let folder = folder.path().display();
    for url in [
        format!("postgres://postgres:secret@/{database}?host={folder}"),
        format!("postgres://postgres:secret@/{database}?host={folder}&sslmode=disable"),
        format!("postgres://postgres:secret@/{database}?hostaddr=127.0.0.1&port={port}"),
    ] {
        let pool = Pool::from_url(&url, None)?;
        migrate(&pool)?;
        let mut connection = pool.get()?;
        let tx = connection.transaction()?;
        let rows = tx.query("SELECT current_database()::text", &[])?;
        assert_eq!(rows[0].get::<_, String>(0), database, "{url}");
    }
    Ok(())
}

/// The server in the container, at a socket of this host's.
fn serve_at(listener: UnixListener, server: String) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("a client");
            let server = TcpStream::connect(&server).expect("the server answers");
            join(client, server).expect("two handles of each");
        }
    });
}

fn join(client: UnixStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    Ok(())
}
