//! The media hosts that the settings name, alone and together.

use std::sync::Arc;

use visage_store::Directory;

use super::{Cloudinary, Embedded, MediaHost, Paired, TakeIn};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, MediaHostKind, Outage};
use crate::library::Library;

/// Each media host by itself, for whoever moves pictures between them. Everybody else uses [`crate::app::App::media_host`].
#[derive(Debug, Clone)]
pub struct Hosts {
    /// visage's own store.
    pub own: Arc<dyn MediaHost>,
    /// The Cloudinary account, when there is one.
    pub account: Option<Arc<dyn MediaHost>>,
}

impl Hosts {
    /// The hosts that the settings name.
    ///
    /// # Errors
    /// When the account's settings are wrong.
    pub fn new(config: &Config, library: &Arc<Library>, clock: &Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let account = config.cloudinary.account().map_err(|mistake| ConfigError {
            mistakes: vec![mistake],
        })?;
        let account = account.map(|account| -> Arc<dyn MediaHost> {
            Arc::new(Cloudinary::new(&config.cloudinary, account, Arc::clone(clock)))
        });
        Ok(Self {
            own: Arc::new(Embedded::new(Arc::clone(library))),
            account,
        })
    }

    /// The account, when it is the one that gets new pictures.
    pub fn account_for_new_pictures(&self, config: &Config) -> Option<&dyn MediaHost> {
        let account = self.account.as_deref();
        account.filter(|_| config.media_host != MediaHostKind::Embedded)
    }

    /// All of them as one.
    pub fn together(
        &self,
        config: &Config,
        directory: &Arc<dyn Directory>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<dyn MediaHost> {
        let own = Arc::clone(&self.own);
        let Some(account) = self.account.clone() else {
            return own;
        };
        Arc::new(match config.media_host {
            MediaHostKind::Embedded => Paired {
                first: own,
                second: account,
                take_in: None,
            },
            MediaHostKind::Auto | MediaHostKind::Cloudinary => Paired {
                first: account,
                second: own,
                take_in: (config.cloudinary.outage == Outage::TakeIn).then(|| TakeIn {
                    directory: Arc::clone(directory),
                    clock: Arc::clone(clock),
                    patience: config.cloudinary.take_in_after.as_duration(),
                }),
            },
        })
    }
}
