//! Posts: what they may say and show, and for how long.

use serde::{Deserialize, Serialize};
use visage_cloudinary::Transformation;

use super::Period;
use super::sections::{Report, is_folder};

/// The longest text that a list may carry of one post or comment.
const MAX_CHARACTERS: usize = 100_000;

/// Far from where times end.
const MAX_LIFETIME: Period = Period::hours(24 * 3653);

/// Posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostsConfig {
    /// The folder of the media host that pictures and videos of posts live in.
    pub folder: String,
    /// The transformation in the URL of a post's picture; empty for the plain original. A video is shown as it is.
    pub transformation: String,
    /// How long a post is there.
    pub lifetime: Period,
    /// Longest text of a post.
    pub content_characters: usize,
    /// Longest comment.
    pub comment_characters: usize,
}

impl Default for PostsConfig {
    fn default() -> Self {
        Self {
            folder: "posts".to_owned(),
            transformation: "c_limit,w_1080/f_auto,q_auto".to_owned(),
            lifetime: Period::hours(36),
            content_characters: 5_000,
            comment_characters: 2_000,
        }
    }
}

impl PostsConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        if let Err(cause) = Transformation::parse(&self.transformation) {
            wrong(true, &format!("posts.transformation: {cause}"));
        }
        wrong(
            !is_folder(&self.folder),
            "posts.folder: must be letters, digits, dashes and underscores",
        );
        let lifetime = self.lifetime.as_duration();
        wrong(
            lifetime.is_zero() || lifetime > MAX_LIFETIME.as_duration(),
            "posts.lifetime: must be more than 0 and at most ten years",
        );
        for (key, characters) in [
            ("content_characters", self.content_characters),
            ("comment_characters", self.comment_characters),
        ] {
            wrong(
                !(1..=MAX_CHARACTERS).contains(&characters),
                &format!("posts.{key}: must be 1 to {MAX_CHARACTERS}"),
            );
        }
    }
}
