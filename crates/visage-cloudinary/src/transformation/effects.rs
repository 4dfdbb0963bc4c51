//! `e_`
use super::error::Refusal;
/// x
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// x
    Grayscale,
}
pub(super) fn read(text: &str) -> Result<Effect, Refusal> {
    match text {
        "grayscale" => Ok(Effect::Grayscale),
        _ => Err(Refusal::Unsupported),
    }
}
pub(super) fn print(effect: &Effect) -> String {
    match effect {
        Effect::Grayscale => "grayscale".to_owned(),
    }
}
impl Effect {
    /// Whether it happens where faces are.
    pub fn is_of_faces(&self) -> bool {
        false
    }
}
