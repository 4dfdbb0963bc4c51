//! Requests that are sent piece by piece, or not to their end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::client::User;
use crate::server::Site;

/// The bytes of a request that uploads `file`.
pub(crate) fn upload_request(user: &User, file: &[u8]) -> Vec<u8> {
    let boundary = "visage-test-boundary";
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"profileImage\"; filename=\"me.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let length = head.len() + file.len() + tail.len();
    let request = format!(
        "POST /api/users/profile-image HTTP/1.1\r\nHost: visage\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {length}\r\n\r\n{head}",
        user.token
    );
    [request.as_bytes(), file, tail.as_bytes()].concat()
}

pub(crate) fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(&site.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Breaks a connection off with a reset, as a phone that loses its network does, instead of closing it.
pub(crate) fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Sends the rest of a request and reads the whole answer.
pub(crate) fn finish(mut stream: TcpStream, rest: &[u8]) -> String {
    stream.write_all(rest).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
