//! Passwords, hashed as the Node backend hashes them: bcrypt, `$2b$`.

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

/// Hashes and checks passwords on blocking threads, a bounded number at once.
#[derive(Debug)]
pub struct Passwords {
    cost: u32,
    turns: Arc<Semaphore>,
    /// A hash of this cost that no account has; checking against it takes as long as against a real one.
    nobodys_hash: Arc<OnceLock<String>>,
}

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// bcrypt failed, for example on a hash that is none.
    #[error("bcrypt failed: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl Passwords {
    /// New hashes get this bcrypt `cost`; `threads` of them are made at once.
    pub fn new(cost: u32, threads: usize) -> Self {
        Self {
            cost,
            turns: Arc::new(Semaphore::new(threads.max(1))),
            nobodys_hash: Arc::default(),
        }
    }

    /// The hash of `password`. Like the Node backend's, it sees the first 72 bytes.
    ///
    /// # Errors
    /// When bcrypt fails.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let cost = self.cost;
        Ok(self.turn(move || bcrypt::hash(password, cost)).await??)
    }

    /// Whether `password` has `hash`. Without a hash it takes as long and is wrong, so that the time tells nobody which
    /// accounts exist.
    ///
    /// # Errors
    /// When bcrypt fails.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, PasswordError> {
        let Some(hash) = hash else {
            let (cost, nobodys_hash) = (self.cost, Arc::clone(&self.nobodys_hash));
            self.turn(move || take_as_long(&password, cost, &nobodys_hash))
                .await??;
            return Ok(false);
        };
        Ok(self.turn(move || bcrypt::verify(password, &hash)).await??)
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_closed| PasswordError::Stopping)?;
        let job = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        job.await.map_err(|_cancelled| PasswordError::Stopping)
    }
}

/// Does the work of one check. The first time that is making the hash, which is as much work.
fn take_as_long(password: &str, cost: u32, nobodys_hash: &OnceLock<String>) -> Result<(), bcrypt::BcryptError> {
    if let Some(hash) = nobodys_hash.get() {
        return bcrypt::verify(password, hash).map(drop);
    }
    let hash = bcrypt::hash("nobody", cost)?;
    nobodys_hash.get_or_init(|| hash);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_2b_and_tell_right_from_wrong() {
        let passwords = Passwords::new(4, 1);
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$2b$04$"));
        assert!(
            passwords
                .verify("correct horse".to_owned(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("wrong horse".to_owned(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(4, 1);
        for password in ["", "nobody", "nobody"] {
            assert!(!passwords.verify(password.to_owned(), None).await.unwrap());
        }
        let hash = passwords.nobodys_hash.get().unwrap();
        assert!(
            hash.starts_with("$2b$04$"),
            "checking takes as long as for real hashes: {hash}"
        );
    }
}
