//! Outgoing mail over SMTP.

use lettre::message::Mailbox;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::config::MailConfig;

/// Sends mail.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The settings do not name a mail server or a sender.
    #[error("mail is not set up right: {0}")]
    Setup(String),
    /// The address is none, or the mail could not be put together.
    #[error("the mail could not be put together: {0}")]
    Message(String),
    /// The mail server did not take it.
    #[error("the mail server did not take the mail: {0}")]
    Send(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// The mailer of the settings; `None` when they name no mail server.
    ///
    /// # Errors
    /// [`MailError::Setup`].
    pub fn new(config: &MailConfig) -> Result<Option<Self>, MailError> {
        if config.url.is_empty() {
            return Ok(None);
        }
        // The library's own message could repeat the URL, which holds the password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.url.expose())
            .map_err(|_may_hold_the_password| MailError::Setup("mail.url".to_owned()))?
            .build();
        let from = config
            .from
            .parse()
            .map_err(|cause| MailError::Setup(format!("mail.from: {cause}")))?;
        Ok(Some(Self { transport, from }))
    }

    /// Sends a plain text mail.
    ///
    /// # Errors
    /// When the address is none or the server does not take it.
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), MailError> {
        // An address alone: `name <address>` would be read as another address than the one that was registered.
        let to = to
            .parse::<Address>()
            .map_err(|cause| MailError::Message(cause.to_string()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .body(text)
            .map_err(|cause| MailError::Message(cause.to_string()))?;
        self.transport.send(message).await?;
        Ok(())
    }
}
