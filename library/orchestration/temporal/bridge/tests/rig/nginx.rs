//! What a server asks of its clients: TLS, client certificates, API keys. nginx asks it, in front of a development server, with
//! certificates that openssl makes for the test.

use super::server::{Directory, Program, free_port};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority and what it signed; PEM.
pub struct Authority {
    directory: PathBuf,
    name: String,
}

impl Authority {
    pub fn new(directory: &Path, name: &str) -> Self {
        let authority = Authority { directory: directory.into(), name: name.into() };
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            authority.path("key").to_str().unwrap(),
            "-out",
            authority.path("pem").to_str().unwrap(),
        ]);
        authority
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.name))
    }

    pub fn certificate(&self) -> String {
        fs::read_to_string(self.path("pem")).unwrap()
    }

    /// The files of a certificate, NAME.pem, and its key, NAME.key. With `days` below 0 it has run out.
    pub fn sign(&self, name: &str, subject_names: &str, days: i32) -> (PathBuf, PathBuf) {
        let file = |ending: &str| self.directory.join(format!("{name}.{ending}"));
        let (request, extensions) = (file("csr"), file("ext"));
        fs::write(&extensions, format!("subjectAltName={subject_names}\nbasicConstraints=CA:FALSE\n")).unwrap();
        let (key, pem) = (file("key"), file("pem"));
        openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            key.to_str().unwrap(),
            "-out",
            request.to_str().unwrap(),
        ]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            request.to_str().unwrap(),
            "-CA",
            self.path("pem").to_str().unwrap(),
            "-CAkey",
            self.path("key").to_str().unwrap(),
            "-CAcreateserial",
            "-days",
            &days.to_string(),
            "-extfile",
            extensions.to_str().unwrap(),
            "-out",
            pem.to_str().unwrap(),
        ]);
        (pem, key)
    }
}

fn openssl(words: &[&str]) {
    let done = Command::new("openssl").args(words).output().expect("openssl");
    assert!(done.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// One nginx with a port for each kind of client, all in front of the same server.
pub struct Nginx {
    pub tls: u16,
    pub expired: u16,
    pub mutual: u16,
    pub api_key: u16,
    pub api_key_in_the_clear: u16,
    /// The server behind it is away.
    pub away: u16,
    pub authority: Authority,
    pub stranger: Authority,
    pub directory: Directory,
    _program: Program,
}

pub const GOOD_KEY: &str = "good-key";
pub const NEXT_KEY: &str = "next-key";
pub const OLD_KEY: &str = "old-key";

impl Nginx {
    pub fn in_front_of(address: &str) -> Self {
        let directory = Directory::new();
        let authority = Authority::new(&directory.0, "authority");
        let stranger = Authority::new(&directory.0, "stranger");
        authority.sign("server", "DNS:temporal.test,IP:127.0.0.1", 2);
        authority.sign("expired", "DNS:temporal.test,IP:127.0.0.1", -1);
        let [tls, expired, mutual, api_key, api_key_in_the_clear, away, nobody] = std::array::from_fn(|_| free_port());
        let at = directory.0.display();
        let secured = |port: u16, certificate: &str, more: &str| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {at}/{certificate}.pem; \
                 ssl_certificate_key {at}/{certificate}.key; {more} location / {{ grpc_pass grpc://{address}; }} }}\n"
            )
        };
        // Answers as a Temporal server does to a key that ran out, and as a gateway does to one that it does not know.
        let keys = "if ($key = 'old') { return 418; } if ($key = '') { return 401; } \
                    error_page 418 = @expired; location @expired { add_header grpc-status 16; \
                    add_header grpc-message 'API key expired'; default_type application/grpc; return 200; }";
        let configuration = format!(
            "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log info;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; \
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi; \
             grpc_read_timeout 300s; client_max_body_size 64m;\n\
             map $http_authorization $key {{ default ''; 'Bearer {GOOD_KEY}' 'good'; 'Bearer {NEXT_KEY}' 'good'; \
             'Bearer {OLD_KEY}' 'old'; }}\n{}{}{}{}\
             server {{ listen 127.0.0.1:{api_key_in_the_clear} http2; {keys} \
             location / {{ grpc_pass grpc://{address}; }} }}\n\
             server {{ listen 127.0.0.1:{away} http2; location / {{ grpc_pass grpc://127.0.0.1:{nobody}; }} }} }}\n",
            secured(tls, "server", ""),
            secured(expired, "expired", ""),
            secured(mutual, "server", &format!("ssl_client_certificate {at}/authority.pem; ssl_verify_client on;")),
            secured(api_key, "server", keys),
        );
        let file = directory.0.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let log = directory.0.join("output.log");
        let mut command = Command::new(program());
        command.args(["-e", "stderr", "-p"]).arg(&directory.0).arg("-c").arg(&file);
        let mut program = Program::start(&mut command, &log);
        for port in [tls, expired, mutual, api_key, api_key_in_the_clear, away] {
            program.listens(port, &log);
        }
        Nginx {
            tls,
            expired,
            mutual,
            api_key,
            api_key_in_the_clear,
            away,
            authority,
            stranger,
            directory,
            _program: program,
        }
    }
}

fn program() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../tools/runner/nginx");
    let found = Command::new(script).output().expect(script);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8(found.stdout).unwrap().trim().into()
}
