use integration_tests::Postgres;
use rws_kafka::outbox::{OutboxError, Pool, migrate};

#[test]
fn tls_to_the_database_checks_who_it_is() -> Result<(), OutboxError> {
    let postgres = Postgres::start_tls("localhost");
    let ca = postgres.certificates().ca_file();
    let url = format!("{}?sslmode=require", postgres.create_database());

    let pool = Pool::from_url(&url, Some(ca))?;
    migrate(&pool)?;
    let mut connection = pool.get()?;
    let tx = connection.transaction()?;
    let rows = tx.query(
        "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        &[],
    )?;
    assert!(rows[0].get::<_, bool>(0));

    let libpqs = url.replace("require", "verify-full");
    let libpqs = format!("{libpqs}&sslrootcert={}", ca.display());
    assert!(Pool::from_url(&libpqs, None)?.get().is_ok());

    let unknown = Pool::from_url(&url, None)?
        .get()
        .expect_err("an unknown authority");
    assert!(
        matches!(unknown, OutboxError::Unreachable { .. }),
        "{unknown:?}"
    );
    let elsewhere = url.replace("localhost", "127.0.0.1");
    let name = Pool::from_url(&elsewhere, Some(ca))?.get();
    assert!(name.is_err(), "the certificate is for localhost");
    Ok(())
}
