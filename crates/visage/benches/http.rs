#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "figures for people"
)]
//! The server under load: uploads, cold and hot deliveries, peak memory; nginx as the peer for hot deliveries.
//!
//! It starts the release binary in a temporary folder and talks to it over loopback, so client and server share the
//! machine: read the ratios and the server's processor time, not the absolute numbers. `cargo bench -p visage --bench http`

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const UPLOADS: usize = 60;
const UPLOADERS: usize = 4;
const COLD_SIZES: u32 = 80;
const HOT_CONNECTIONS: usize = 64;
const HOT_TIME: Duration = Duration::from_secs(5);
/// Server and nginx take turns, so that a change of the machine's speed meets both.
const HOT_ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    // Criterion's flags come along when all benches are run.
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    // The client asks for one, although it only speaks http here.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(HOT_CONNECTIONS)
        .no_proxy()
        .build()?;
    let photo = draw_photo()?;
    say(&format!("photo: 12 MP JPEG, {:.2} MB", photo.len() as f64 / 1e6))?;

    let url = uploads(&client, &server, &photo).await?;
    say(&format!(
        "peak memory after the uploads: {} MiB",
        server.peak_memory_mib()?
    ))?;
    let photo_path = folder.path().join("photo.jpg");
    std::fs::write(&photo_path, &photo)?;
    for format in ["jpg", "webp", "avif"] {
        cold(&client, &url, &photo_path, format).await?;
    }
    say(&format!(
        "peak memory after the cold deliveries: {} MiB",
        server.peak_memory_mib()?
    ))?;
    hot(&client, &server, &url, folder.path()).await?;
    server.child.kill()?;
    server.child.wait()?;
    Ok(())
}

/// 60 uploads by four users, end to end: multipart, check, clean, store durably, exchange.
async fn uploads(client: &reqwest::Client, server: &Server, photo: &[u8]) -> Result<String> {
    let mut tokens = Vec::new();
    for n in 0..UPLOADERS {
        tokens.push(sign_up(client, &server.address, n).await?);
    }
    let (begun, cpu) = (Instant::now(), server.cpu_seconds()?);
    let work = tokens.into_iter().map(|token| {
        let (client, address, photo) = (client.clone(), server.address.clone(), photo.to_vec());
        tokio::spawn(async move {
            let mut times = Vec::new();
            let mut url = String::new();
            for _ in 0..UPLOADS / UPLOADERS {
                let begun = Instant::now();
                let form = Form::new().part("profileImage", Part::bytes(photo.clone()).file_name("photo.jpg"));
                let request = client
                    .post(format!("{address}/api/users/profile-image"))
                    .bearer_auth(&token);
                let answer: Value = request.multipart(form).send().await?.error_for_status()?.json().await?;
                times.push(begun.elapsed());
                answer["profileImage"].as_str().unwrap_or_default().clone_into(&mut url);
            }
            Ok::<_, reqwest::Error>((times, url))
        })
    });
    let mut times = Vec::new();
    let mut last = String::new();
    for done in futures_util::future::join_all(work).await {
        let (some, url) = done??;
        times.extend(some);
        last = url;
    }
    let rate = UPLOADS as f64 / begun.elapsed().as_secs_f64();
    let cpu_ms = (server.cpu_seconds()? - cpu) / UPLOADS as f64 * 1e3;
    say(&format!(
        "uploads: {rate:.1}/s ({UPLOADERS} at once), {}, server CPU {cpu_ms:.0} ms each",
        quantiles(&mut times)
    ))?;
    Ok(last)
}

/// Sizes that were never asked for, one after the other: read, check, decode, resize, encode, store; and what the render
/// alone takes, from bytes to bytes, in a process of its own.
async fn cold(client: &reqwest::Client, url: &str, photo: &Path, format: &str) -> Result<()> {
    let bare_before_ms = bare_render_ms(photo, format)?;
    let mut times = Vec::new();
    for size in 0..COLD_SIZES {
        let asked = url.replace(
            "h_400,w_400/f_auto",
            &format!("h_{0},w_{0}/f_{format},q_80", 200 + size),
        );
        let begun = Instant::now();
        client.get(asked).send().await?.error_for_status()?.bytes().await?;
        times.push(begun.elapsed());
    }
    let rate = f64::from(COLD_SIZES) / times.iter().sum::<Duration>().as_secs_f64();
    // Before and after, so that a change of the machine's speed meets both sides.
    let bare_ms = f64::midpoint(bare_before_ms, bare_render_ms(photo, format)?);
    let times_text = quantiles(&mut times);
    let cold_ms = times[times.len() / 2].as_secs_f64() * 1e3;
    say(&format!(
        "cold {format} of about 240 px from the photo: {rate:.1}/s one at a time, {times_text}; \
         the bare render {bare_ms:.1} ms: {:.2} times",
        cold_ms / bare_ms
    ))
}

/// The median of `visage bench` at the middle of the cold sizes.
fn bare_render_ms(photo: &Path, format: &str) -> Result<f64> {
    let format = if format == "jpg" { "jpeg" } else { format };
    let size = (200 + COLD_SIZES / 2).to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_visage"))
        .arg("bench")
        .arg(photo)
        .args([
            "--format",
            format,
            "--size",
            &size,
            "--quality",
            "80",
            "--seconds",
            "2",
            "--json",
        ])
        .output()?;
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    figures["med_ms"].as_f64().ok_or_else(|| "no median".into())
}

/// One avatar from memory, over 64 connections, against nginx with the same bytes in a file.
async fn hot(client: &reqwest::Client, server: &Server, url: &str, folder: &Path) -> Result<()> {
    let body = client.get(url).send().await?.error_for_status()?.bytes().await?;
    std::fs::write(folder.join("avatar.jpg"), &body)?;
    let nginx = Nginx::start(folder)?;
    if nginx.is_none() {
        say("nginx is not installed: no peer for hot deliveries")?;
    }
    for _ in 0..HOT_ROUNDS {
        let ours = load(client, url, || server.cpu_seconds()).await?;
        say(&format!(
            "hot {} B: visage {:.0}/s, {:.1} µs CPU each",
            body.len(),
            ours.rate,
            ours.cpu_us
        ))?;
        if let Some(nginx) = &nginx {
            let theirs = load(client, &nginx.url, || nginx.cpu_seconds()).await?;
            say(&format!(
                "hot {} B: nginx  {:.0}/s, {:.1} µs CPU each",
                body.len(),
                theirs.rate,
                theirs.cpu_us
            ))?;
            say(&format!(
                "  visage/nginx: requests {:.2}×, CPU {:.2}×",
                ours.rate / theirs.rate,
                ours.cpu_us / theirs.cpu_us
            ))?;
        }
    }
    say(&format!("peak memory at the end: {} MiB", server.peak_memory_mib()?))
}

struct Load {
    rate: f64,
    cpu_us: f64,
}

async fn load(client: &reqwest::Client, url: &str, cpu_seconds: impl Fn() -> Result<f64>) -> Result<Load> {
    let count = Arc::new(AtomicU64::new(0));
    let (begun, cpu) = (Instant::now(), cpu_seconds()?);
    let workers = (0..HOT_CONNECTIONS).map(|_| {
        let (client, url, count) = (client.clone(), url.to_owned(), Arc::clone(&count));
        tokio::spawn(async move {
            while begun.elapsed() < HOT_TIME {
                client.get(&url).send().await?.error_for_status()?.bytes().await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, reqwest::Error>(())
        })
    });
    for done in futures_util::future::join_all(workers).await {
        done??;
    }
    let count = count.load(Ordering::Relaxed) as f64;
    Ok(Load {
        rate: count / begun.elapsed().as_secs_f64(),
        cpu_us: (cpu_seconds()? - cpu) / count * 1e6,
    })
}

async fn sign_up(client: &reqwest::Client, address: &str, n: usize) -> Result<String> {
    let account = json!({"name": "Bench", "email": format!("bench{n}@example.com"), "password": "a bench password"});
    client
        .post(format!("{address}/api/auth/register"))
        .json(&account)
        .send()
        .await?
        .error_for_status()?;
    let answer = client
        .post(format!("{address}/api/auth/login"))
        .json(&account)
        .send()
        .await?
        .error_for_status()?;
    let answer: Value = answer.json().await?;
    Ok(answer["token"].as_str().ok_or("no token")?.to_owned())
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_visage"))
            .arg("serve")
            .current_dir(folder)
            .env("VISAGE_LISTEN", format!("127.0.0.1:{port}"))
            .env("VISAGE_LOG__FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let message: Vec<String> = lines.by_ref().take(4).collect::<std::io::Result<_>>()?;
        if message.first().is_none_or(|first| first != "visage is ready") {
            return Err("the server did not start".into());
        }
        Ok(Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
        })
    }

    fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.child.id())
    }

    fn peak_memory_mib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .ok_or("no VmHWM")?;
        Ok(line.split_whitespace().nth(1).ok_or("no VmHWM")?.parse::<u64>()? / 1024)
    }
}

struct Nginx {
    child: Child,
    url: String,
}

impl Nginx {
    /// One worker, sendfile and an open file cache: nginx as it is quickest.
    fn start(folder: &Path) -> Result<Option<Self>> {
        let port = free_port()?;
        let folder_text = folder.display();
        let config = format!(
            "worker_processes 1; daemon off; pid {folder_text}/nginx.pid; error_log {folder_text}/nginx.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; open_file_cache max=10;\n\
             client_body_temp_path {folder_text}/a; proxy_temp_path {folder_text}/b; fastcgi_temp_path {folder_text}/c;\n\
             uwsgi_temp_path {folder_text}/d; scgi_temp_path {folder_text}/e;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ root {folder_text}; }} }} }}\n\
             user root;\n"
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config)?;
        let nginx = Command::new("nginx").arg("-c").arg(&path).stderr(Stdio::null()).spawn();
        let Ok(child) = nginx else { return Ok(None) };
        let address = format!("127.0.0.1:{port}");
        let deadline = Instant::now() + Duration::from_secs(5);
        while std::net::TcpStream::connect(&address).is_err() {
            if Instant::now() > deadline {
                return Err("nginx did not start".into());
            }
            std::thread::yield_now();
        }
        Ok(Some(Self {
            child,
            url: format!("http://{address}/avatar.jpg"),
        }))
    }

    /// The master's and its one worker's.
    fn cpu_seconds(&self) -> Result<f64> {
        let id = self.child.id();
        let workers = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        workers
            .split_whitespace()
            .try_fold(cpu_seconds(id)?, |sum, worker| Ok(sum + cpu_seconds(worker.parse()?)?))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master takes its worker along.
        let stopped = Command::new("kill").arg(self.child.id().to_string()).status();
        if stopped.is_ok() {
            self.child.wait().ok();
        }
    }
}

/// User and system time of a process (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(") ").ok_or("no stat")?.1;
    let field = |n: usize| {
        after_name
            .split(' ')
            .nth(n - 3)
            .and_then(|f| f.parse::<f64>().ok())
            .ok_or("no stat")
    };
    Ok((field(14)? + field(15)?) / 100.0)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A drawn 12 megapixel picture with enough in it to be about 2 MB as JPEG, as a phone's photo is.
fn draw_photo() -> Result<Vec<u8>> {
    const WIDTH: usize = 4032;
    const HEIGHT: usize = 3024;
    let mut state = 7_u32;
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 29) as usize;
            let wave = ((x / 24 * (y / 24)) % 61) + x * 100 / WIDTH;
            pixels.extend(
                [wave + grain, (y * 150 / HEIGHT) + grain, 60 + (wave + y / 40) % 90].map(|v| v.min(255) as u8),
            );
        }
    }
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: WIDTH,
        pitch: WIDTH * 3,
        height: HEIGHT,
        format: turbojpeg::PixelFormat::RGB,
    };
    Ok(turbojpeg::compress(image, 93, turbojpeg::Subsamp::Sub2x2)?.to_vec())
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |q: usize| times[(times.len() - 1) * q / 100].as_secs_f64() * 1e3;
    format!("median {:.1} ms, 95 % {:.1} ms", at(50), at(95))
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
