//! What every implementation of this crate's contracts must do, as functions that panic when it does not.
