//! No unsigned URL of the grammar tells anything of an asset that its visitor may not read.
//!
//! Two servers hold the same pictures, but for those that strangers may not read: these differ in pixels, in size and in bytes. A
//! private picture, of which everything made is public, differs in its metadata and so in the size of its file. Every URL must be
//! answered alike by both, whatever it asks for.

use std::fmt::Write as _;

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::cloudinary::{admin, app, post_signed, store};
use crate::pictures::{png, png_with_text};
use crate::test_app::{Answer, TestApp};

/// How many requests are tried; `VISAGE_TEST_URLS` in the environment sets another number.
const CASES: usize = 2_500;

/// A small generator (Numerical Recipes' constants), so that every run asks the same.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// What strangers may read, what they may not, and what is not there.
const NAMES: &[&str] = &[
    "pub", "pub", "pub", "pub", "pub2", "pub2", "f/pub3", "f/pub3", "tok", "fut", "past", "rej", "f/tok2", "gone",
    "tok.png", "rej.png", "pub.png",
];
const LAYERS: &[&str] = &[
    "pub",
    "pub2",
    "tok",
    "fut",
    "past",
    "rej",
    "f:tok2",
    "upload:tok",
    "private:priv",
    "authenticated:auth",
    "authenticated:gone",
    "tok.png",
    "text:Arial_12:hi",
    "gone",
];
/// What can be made of any picture.
const STEPS: &[&str] = &[
    "c_scale,w_12",
    "c_fill,h_18,w_25",
    "b_red,c_pad,h_20,w_40",
    "c_thumb,g_face,h_20,w_20",
    "c_crop,g_custom,h_9,w_9",
    "c_limit,w_9999",
    "dpr_2.0,w_10",
    "r_max",
    "a_90",
    "e_grayscale",
    "e_negate",
    "e_blur:300",
    "e_trim",
    "o_50",
    "bo_2px_solid_blue",
    "q_80",
    "q_auto",
    "pg_1",
    "f_png",
    "f_jpg",
    "f_auto",
    "f_webp",
    "fl_getinfo",
    "fl_attachment",
    "fl_force_strip",
    "t_auto",
    "t_save",
    "if_w_gt_15/w_10/if_end",
    "l_pub2,w_9",
    "l_text:Arial_12:hi",
    "d_tok.png",
    "d_pub2.png",
];
/// What may mean nothing, or not here.
const PIECES: &[&str] = &[
    "c_scale",
    "c_fill",
    "c_fit",
    "c_limit",
    "c_pad",
    "c_crop",
    "c_thumb",
    "c_lfill",
    "c_mpad",
    "w_12",
    "w_25",
    "h_18",
    "w_0.5",
    "w_iw",
    "w_9999",
    "ar_1:1",
    "g_face",
    "g_north_west",
    "g_auto",
    "g_custom",
    "x_3",
    "y_2",
    "r_max",
    "r_3",
    "a_90",
    "a_15",
    "e_grayscale",
    "e_negate",
    "e_blur:300",
    "e_trim",
    "e_hue:40",
    "e_sepia",
    "e_brightness:30",
    "o_50",
    "b_red",
    "b_auto",
    "bo_2px_solid_blue",
    "q_80",
    "q_auto",
    "q_100",
    "f_png",
    "f_jpg",
    "f_auto",
    "f_webp",
    "f_gif",
    "pg_1",
    "dpr_2.0",
    "fl_attachment",
    "fl_getinfo",
    "fl_force_strip",
    "fl_immutable_cache",
    "fl_lossy",
    "fl_progressive",
    "fl_relative",
    "fl_tiled",
    "fl_cutter",
    "fl_no_overflow",
    "t_auto",
    "t_layer",
    "t_save",
    "t_deep",
    "if_w_gt_15",
    "if_end",
    "if_else",
    "if_!x!_in_tags",
    "$w_20",
    "w_$w",
    "z_0.8",
    "cs_srgb",
];
const HEADS: &[&str] = &[
    "image/upload",
    "image/upload",
    "image/upload",
    "image/upload",
    "image/upload",
    "image/upload",
    "image/private",
    "image/private",
    "image/private",
    "image/authenticated",
    "iu",
    "iu",
    "images",
    "private_images",
    "authenticated_images",
    "v1",
    "video/upload",
    "raw/upload",
];

fn component(random: &mut Random) -> String {
    if !random.one_in(4) {
        return random.of(STEPS).to_owned();
    }
    let mut parts = Vec::new();
    for _ in 0..=random.below(3) {
        parts.push(random.of(PIECES).to_owned());
    }
    match random.below(6) {
        0 => parts.push(format!("l_{}", random.of(LAYERS))),
        1 => parts.push(format!("u_{}", random.of(LAYERS))),
        2 if random.one_in(2) => parts.push(format!("d_{}.png", random.of(LAYERS))),
        3 if random.one_in(3) => parts = vec![format!("$v_!{}!", random.of(LAYERS)), "l_$v".to_owned()],
        _ => {}
    }
    parts.join(",")
}

fn path(random: &mut Random) -> String {
    let head = random.of(HEADS);
    let mut path = format!("/demo/{head}");
    for _ in 0..random.below(4) {
        write!(path, "/{}", component(random)).unwrap();
        if random.one_in(4) {
            path.push_str("/fl_layer_apply");
        }
    }
    if random.one_in(3) {
        path.push_str("/v1719307544");
    }
    let name = match head {
        "image/private" | "private_images" => "priv",
        "image/authenticated" | "authenticated_images" => "auth",
        _ => random.of(NAMES),
    };
    write!(path, "/{name}").unwrap();
    if head.ends_with("images") || random.one_in(15) {
        path.push_str("/words");
    }
    path.push_str(random.of(&["", "", ".png", ".jpg", ".webp", ".gif", ".avif"]));
    path.push_str(random.of(&["", "", "", "", "?explain=1", "?__cld_token__=exp=1~acl=*~hmac=0"]));
    path
}

/// A request; some ask for a part, some claim to have the answer, some want the head alone.
fn request(path: &str, random: &mut Random) -> (&'static str, Vec<(&'static str, &'static str)>, String) {
    let method = if random.one_in(8) { "HEAD" } else { "GET" };
    let mut headers = Vec::new();
    match random.below(6) {
        0 => headers.push(("accept", "image/webp,*/*")),
        1 => headers.push(("accept", "*/*")),
        2 if random.one_in(2) => headers.push(("range", "bytes=0-5000")),
        3 if random.one_in(2) => headers.push(("if-none-match", "*")),
        4 if random.one_in(2) => headers.push(("cookie", "__cld_token__=exp=9999999999~acl=%2f*~hmac=00")),
        _ => {}
    }
    (method, headers, path.to_owned())
}

async fn send(t: &TestApp, (method, headers, path): &(&str, Vec<(&str, &str)>, String)) -> Answer {
    let mut request = Request::builder().method(*method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    t.send(request.body(Body::empty()).unwrap()).await
}

/// What differs between two servers in any case: names of uploads, and of requests.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let named = answer
        .headers
        .iter()
        .filter(|(name, _)| !["etag", "x-request-id"].contains(&name.as_str()));
    let headers = named.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status.as_u16(), headers.collect(), answer.body.to_vec())
}

/// A server whose forbidden pictures have this colour and side.
async fn server(rgb: [u8; 3], side: u32) -> TestApp {
    let t = app();
    let forbidden = png(side, side + 3, rgb);
    let token = r#"[{"access_type":"token"}]"#;
    for (id, size, blue) in [("pub", 40, 200), ("pub2", 31, 120), ("f/pub3", 22, 90)] {
        store(&t, id, &png(size, 30, [20, 60, blue]), &[]).await;
    }
    store(&t, "open", &png(side, 20, rgb), &[]).await;
    for (id, control) in [
        ("tok", token),
        ("f/tok2", token),
        ("tok.png", token),
        ("fut", r#"[{"access_type":"anonymous","start":"2999-01-01T00:00:00Z"}]"#),
        ("past", r#"[{"access_type":"anonymous","end":"2024-06-25T09:25:44Z"}]"#),
    ] {
        store(
            &t,
            id,
            &forbidden,
            &[("access_control", control), ("headers", "X-Robots-Tag: noindex")],
        )
        .await;
    }
    store(&t, "rej", &forbidden, &[("moderation", "manual"), ("colors", "1")]).await;
    let rejected = json!({ "moderation_status": "rejected" });
    admin(&t, Method::POST, "/resources/image/upload/rej", &rejected).await;
    store(&t, "auth", &forbidden, &[("type", "authenticated")]).await;
    let secret = "x".repeat(side as usize);
    store(
        &t,
        "priv",
        &png_with_text(24, 18, [200, 180, 20], &secret),
        &[("type", "private")],
    )
    .await;
    for (name, text) in [
        ("auto", "f_auto"),
        ("layer", "l_tok,w_10/fl_layer_apply"),
        ("save", "fl_attachment"),
        ("deep", "t_layer/l_authenticated:auth/fl_layer_apply"),
    ] {
        let named = json!({ "name": name, "transformation": text });
        admin(&t, Method::POST, "/transformations", &named).await;
    }
    // Made by the operator, and lying ready.
    let eager = [
        ("public_id", "pub"),
        ("type", "upload"),
        ("eager", "l_tok,w_12/png|l_authenticated:auth,w_12"),
    ];
    post_signed(&t, "/image/explicit", &eager, None).await;
    t
}

#[allow(clippy::disallowed_methods, reason = "it is how a test run is told")]
fn cases() -> usize {
    let asked = std::env::var("VISAGE_TEST_URLS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(CASES)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_unsigned_url_tells_of_what_its_visitor_may_not_read() {
    let (one, two) = (server([250, 10, 10], 20).await, server([10, 250, 10], 33).await);
    // The comparison notices what may be seen.
    let seen = ("GET", Vec::new(), "/demo/image/upload/w_9,h_9,c_scale/open".to_owned());
    assert_ne!(
        comparable(&send(&one, &seen).await),
        comparable(&send(&two, &seen).await)
    );
    let mut random = Random(20_240_625);
    let (mut shown, mut refused) = (0, 0);
    for case in 0..cases() {
        let path = path(&mut random);
        let request = request(&path, &mut random);
        let (first, second) = (send(&one, &request).await, send(&two, &request).await);
        assert_eq!(
            comparable(&first),
            comparable(&second),
            "case {case}: {request:?} tells the servers apart"
        );
        match first.status.as_u16() {
            200..400 => shown += 1,
            _ => refused += 1,
        }
    }
    eprintln!("{shown} answered, {refused} refused");
    assert!(
        shown * 5 > cases() && refused * 5 > cases(),
        "{shown} shown, {refused} refused"
    );
}
