/// Why a codec returned nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not a valid picture of the format; the text is the codec's own reason.
    #[error("{0}")]
    Damaged(String),
    /// The picture is valid and uses something that is not supported; the text names it.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The picture needs more memory or pixels than the limit that was given.
    #[error("it needs more than the limit of {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// `cancelled` returned true.
    #[error("cancelled")]
    Cancelled,
    /// The codec failed for a reason that does not lie in the picture.
    #[error("{0}")]
    Failed(String),
}
