//! Whom the client believes that it speaks to.

use crate::support::fit::Run;
use crate::support::program::Place;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who signs certificates, and its own, as text.
pub struct Authority(Issuer<'static, KeyPair>, pub String);

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self(Issuer::new(params, key), certificate.pem())
    }

    /// A server with a certificate for this name, and how many requests it understood.
    pub fn serve(&self, name: &str, expired: bool) -> (SocketAddr, Arc<AtomicUsize>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(if expired { 2021 } else { 2100 }, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
        let (config, listener) = (Arc::new(config.unwrap()), TcpListener::bind("127.0.0.1:0").unwrap());
        let (address, understood) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let counter = Arc::clone(&understood);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(connection, stream));
                let mut line = String::new();
                if stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.get_mut().write_all(b"HTTP/1.1 418 X\r\nContent-Length: 0\r\n\r\n");
                }
            }
        });
        (address, understood)
    }
}

/// Nothing is told to a server that cannot show who it is.
#[test]
fn certificates_are_verified() {
    let (ours, others) = (Authority::new(), Authority::new());
    for (authority, name, expired, is_good) in [
        (&ours, "localhost", false, true),
        (&others, "localhost", false, false),
        (&ours, "example.org", false, false),
        (&ours, "localhost", true, false),
    ] {
        let (address, understood) = authority.serve(name, expired);
        let place = Place::new();
        let roots = place.dir.path().join("roots.pem");
        fs::write(&roots, &ours.1).unwrap();
        let settings = format!(
            "folders = ['{}']\ndestination = {{url = 'https://localhost:{}', token = 'secret'}}\n",
            place.folder().display(),
            address.port()
        );
        fs::write(place.config(), settings).unwrap();
        place.drop_file("a.fit", Run { records: 2, ..Run::default() }.build());
        let mut daemon = place.start_with(&[], &[("SSL_CERT_FILE", roots.to_str().unwrap())]);
        let failed = daemon.wait_for("reconcile.failed");
        let reason = failed["reason"].as_str().unwrap();
        let word = if is_good { "HTTP 418" } else { "cannot connect: invalid peer certificate" };
        assert!(reason.contains(word), "{name}, expired {expired}: {reason}");
        assert_eq!(understood.load(Ordering::SeqCst) > 0, is_good, "{name}, expired {expired}");
    }
}
