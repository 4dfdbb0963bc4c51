//! What there is, and the acts of the directory and of the media host upon it. Each act is one step.

/// A picture: the user's first one, then one per writer.
pub(crate) type Picture = usize;
/// The picture that the user has in the beginning.
pub(crate) const OLD: Picture = 0;
/// How many there are.
pub(crate) const PICTURES: usize = 3;

/// How long after its replacement a picture is still served, in ticks.
pub(crate) const RETIRE_AFTER: u8 = 1;
/// How long an exchange may be pending, in ticks.
pub(crate) const GRACE: u8 = 2;
/// How long a post lives, in ticks.
pub(crate) const LIFETIME: u8 = 2;
/// When time ends. Later than every writer's grace plus a retirement.
pub(crate) const LAST_TICK: u8 = 4;

/// The protocol that is tried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) mutation: Option<Mutation>,
    pub(crate) delete: Delete,
}

/// What the delete deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delete {
    Picture,
    User,
    /// The second writer posts its picture instead of making it the user's; the post expires, or is deleted before.
    Post,
}

/// A rule taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    NoReferenceCheck,
    DestroyOldFirst,
    CommitWithoutPending,
    SettleBeforeGrace,
    TrustTheList,
    SettleShortensGrace,
    RetireKeepsDueTime,
    RetireWhatWasSeen,
    ReleaseOnTimeout,
    UploadOutlivesGrace,
    CommitInSeveralWrites,
    PostsAreNoReferences,
    PostsGoLast,
    PostsAreForgotten,
}

impl Protocol {
    pub(crate) fn has(self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Whether the writer of this picture posts it.
    pub(crate) fn is_posted(self, new: Picture) -> bool {
        self.delete == Delete::Post && new == PICTURES - 1
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: u8,
    pub(crate) user_exists: bool,
    pub(crate) picture: Option<Picture>,
    /// What the post shows, and when it expires.
    pub(crate) post: Option<(Picture, u8)>,
    pub(crate) pending: [Option<Pending>; PICTURES],
    /// When each picture is due, if it is expired.
    pub(crate) expired: [Option<u8>; PICTURES],
    /// What the media host has.
    pub(crate) host: [bool; PICTURES],
    /// What is on its way to the media host, and since when its exchange has been pending.
    pub(crate) in_flight: [Option<u8>; PICTURES],
    pub(crate) writers: [Writer; 2],
    /// Whether the delete has committed.
    pub(crate) deleted: bool,
    /// When a reader, and there is one at every instant, last saw each picture's URL; forgotten after `RETIRE_AFTER`.
    pub(crate) shown_at: [Option<u8>; PICTURES],
    pub(crate) reaper: Reaper,
    /// A writer that was in time found its pending row gone.
    pub(crate) refused_in_time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pending {
    pub(crate) replaces: Option<Picture>,
    pub(crate) begun_at: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Start,
    Saw(Option<Picture>),
    Begun {
        seen: Option<Picture>,
        begun_at: u8,
    },
    Waiting {
        seen: Option<Picture>,
        begun_at: u8,
    },
    Uploaded {
        seen: Option<Picture>,
        begun_at: u8,
    },
    /// `DestroyOldFirst`: the old picture is gone from the host.
    OldDestroyed {
        seen: Option<Picture>,
        begun_at: u8,
    },
    /// `CommitInSeveralWrites`: the pending row was there.
    Checked,
    /// `CommitInSeveralWrites`: the user is written, this one was there.
    UserWritten(Option<Picture>),
    /// The exchange failed and nothing is on its way: release it.
    Failed,
    /// Done, crashed or given up.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reaper {
    Idle,
    Settled,
    /// Has removed posts whose time is up.
    Removed,
    /// What it found due and has not dealt with.
    Listed([bool; PICTURES]),
    /// May destroy this one.
    Claimed(Picture, [bool; PICTURES]),
    /// Has destroyed this one.
    Destroyed(Picture, [bool; PICTURES]),
}

/// What became of a commit.
pub(crate) enum Committed {
    Yes,
    PendingGone,
    UserGone,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            user_exists: true,
            picture: Some(OLD),
            post: None,
            pending: [None; PICTURES],
            expired: [None; PICTURES],
            host: [true, false, false],
            in_flight: [None; PICTURES],
            writers: [Writer::Start; 2],
            deleted: false,
            shown_at: [Some(0), None, None],
            reaper: Reaper::Idle,
            refused_in_time: false,
        }
    }

    /// `exchange_profile_image`: one transaction.
    pub(crate) fn commit(&mut self, protocol: Protocol, new: Picture, seen: Option<Picture>) -> Committed {
        if !self.user_exists {
            return Committed::UserGone;
        }
        if self.pending[new].take().is_none() && !protocol.has(Mutation::CommitWithoutPending) {
            return Committed::PendingGone;
        }
        let found = self.show(new);
        let old = if protocol.has(Mutation::RetireWhatWasSeen) {
            seen
        } else {
            found
        };
        self.retire(protocol, old);
        Committed::Yes
    }

    /// `publish_post`: one transaction.
    pub(crate) fn publish(&mut self, protocol: Protocol, new: Picture) -> Committed {
        if self.pending[new].take().is_none() && !protocol.has(Mutation::CommitWithoutPending) {
            return Committed::PendingGone;
        }
        let expires_at = self.now + LIFETIME;
        self.post = Some((new, expires_at));
        self.expired[new] = Some(expires_at);
        Committed::Yes
    }

    /// `remove_expired_posts`: one transaction.
    pub(crate) fn remove_expired_posts(&mut self, protocol: Protocol) {
        let Some((picture, _)) = self.post.filter(|(_, expires_at)| *expires_at <= self.now) else {
            return;
        };
        self.post = None;
        if !protocol.has(Mutation::PostsAreForgotten) {
            self.expired[picture] = self.expired[picture].or(Some(self.now));
        }
    }

    /// Writes the user; returns the picture found there.
    pub(crate) fn show(&mut self, new: Picture) -> Option<Picture> {
        self.shown_at[new] = Some(self.now);
        self.picture.replace(new)
    }

    /// Time passes. The picture that is in use goes on being seen.
    pub(crate) fn tick(&mut self) {
        self.now += 1;
        for picture in 0..PICTURES {
            let in_use = (self.picture == Some(picture)).then_some(self.now);
            let within_grace = |shown_at: &u8| self.now < shown_at + RETIRE_AFTER;
            self.shown_at[picture] = in_use.or(self.shown_at[picture].filter(within_grace));
        }
    }

    /// `exchange_profile_image` with nothing new, `delete_user`, or `delete_post`: one transaction.
    pub(crate) fn delete(&mut self, protocol: Protocol) {
        self.deleted = true;
        if protocol.delete == Delete::Post {
            // `delete_post`: nobody is promised a grace.
            if let Some((picture, _)) = self.post.take() {
                self.expired[picture] = Some(self.now);
            }
            return;
        }
        self.user_exists = protocol.delete == Delete::Picture;
        let old = self.picture.take();
        self.retire(protocol, old);
    }

    /// A picture was in use until now.
    pub(crate) fn retire(&mut self, protocol: Protocol, old: Option<Picture>) {
        let Some(old) = old else { return };
        let due = self.now + RETIRE_AFTER;
        self.expired[old] = match self.expired[old] {
            Some(before) if protocol.has(Mutation::RetireKeepsDueTime) => Some(before),
            _ => Some(due),
        };
    }

    /// `settle_pending`: one transaction.
    pub(crate) fn settle_pending(&mut self, protocol: Protocol) {
        let now = self.now;
        let stale = |begun_at: u8| protocol.has(Mutation::SettleBeforeGrace) || begun_at + GRACE < now;
        for new in 0..PICTURES {
            if self.pending[new].is_some_and(|pending| stale(pending.begun_at)) {
                self.settle_one(protocol, new);
            }
        }
    }

    /// `release_pending`, or one row of `settle_pending`.
    pub(crate) fn settle_one(&mut self, protocol: Protocol, new: Picture) {
        let Some(pending) = self.pending[new].take() else {
            return;
        };
        for picture in [Some(new), pending.replaces].into_iter().flatten() {
            let before = self.expired[picture].filter(|_| !protocol.has(Mutation::SettleShortensGrace));
            self.expired[picture] = before.or(Some(self.now));
        }
    }

    /// `due_expired_media`
    pub(crate) fn due(&self) -> [bool; PICTURES] {
        self.expired.map(|due| due.is_some_and(|due| due <= self.now))
    }

    /// `claim_expired`: one transaction. Whether the picture may be destroyed.
    pub(crate) fn claim(&mut self, protocol: Protocol, picture: Picture) -> bool {
        if !protocol.has(Mutation::TrustTheList) && !self.due()[picture] {
            return false;
        }
        if self.is_referenced(protocol, picture) && !protocol.has(Mutation::NoReferenceCheck) {
            self.expired[picture] = None;
            return false;
        }
        true
    }

    fn is_referenced(&self, protocol: Protocol, picture: Picture) -> bool {
        let is_shown = |(shown, expires_at): (Picture, u8)| {
            let is_over = protocol.has(Mutation::PostsGoLast) && expires_at <= self.now;
            shown == picture && !is_over && !protocol.has(Mutation::PostsAreNoReferences)
        };
        self.picture == Some(picture) || self.post.is_some_and(is_shown)
    }

    /// Whether every writer and the delete have stopped and nothing is on its way.
    pub(crate) fn has_ended(&self) -> bool {
        self.writers.iter().all(|writer| *writer == Writer::Stopped) && self.in_flight == [None; PICTURES]
    }

    /// What is wrong at this instant.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        let shown = [self.picture, self.post.map(|(picture, _)| picture)];
        if shown.into_iter().flatten().any(|picture| !self.host[picture]) {
            return Some("a reference leads nowhere");
        }
        if self.picture.is_none() && !self.deleted {
            return Some("the user lost its picture without asking for it");
        }
        if (0..PICTURES).any(|picture| self.shown_at[picture].is_some() && !self.host[picture]) {
            return Some("a reader lost the picture");
        }
        self.refused_in_time.then_some("a writer was in time and was refused")
    }

    /// What is wrong after everything has stopped, every grace is over and a fresh reaper has run once.
    pub(crate) fn violation_in_the_end(mut self, protocol: Protocol) -> Option<&'static str> {
        self.now = LAST_TICK + GRACE + RETIRE_AFTER + 1;
        self.shown_at = [None; PICTURES];
        self.settle_pending(protocol);
        self.remove_expired_posts(protocol);
        let due = self.due();
        for picture in (0..PICTURES).filter(|picture| due[*picture]) {
            if self.claim(protocol, picture) {
                self.host[picture] = false;
                self.expired[picture] = None;
            }
        }
        let referenced = std::array::from_fn(|picture| self.picture == Some(picture));
        let clean = self.host == referenced && self.expired == [None; PICTURES] && self.pending == [None; PICTURES];
        self.violation().or((!clean).then_some("something is left over"))
    }
}
