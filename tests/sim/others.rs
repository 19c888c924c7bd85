//! What others do: edits, deletions and losses at the server, sessions of other programs, and what befalls the daemon's
//! memory.

use super::ledger::Disturbance;
use super::plan::{chance, pick};
use super::world::World;
use fitferry::session::{APPLICATION, Application, Session};

/// What befalls the memory while the daemon does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The database is deleted.
    Lost,
    /// A backup of it is put back.
    PutBack,
    /// The account gets another server.
    Moved,
}

impl World<'_> {
    /// Somebody does something at the server, or it loses something.
    pub fn meddle(&mut self) {
        let truth = self.truth();
        let server = self.network.destination();
        let is_ours = |application: Option<&Application>| {
            application.is_some_and(|application| application.name.as_deref() == Some(APPLICATION))
        };
        let ours = server.sessions.iter().filter(|(_, stored)| is_ours(stored.session.application.as_ref()));
        let ids: Vec<String> = ours.map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return;
        }
        // Trouble rarely comes alone.
        let again: Vec<String> = ids.iter().filter(|id| self.oracle.was_disturbed(id)).cloned().collect();
        let from = if again.is_empty() || self.rng.bool() { &ids } else { &again };
        let id = pick(&mut self.rng, from).clone();
        let many: Vec<String> = if chance(&mut self.rng, 100) { ids } else { vec![id.clone()] };
        let mut disturbed = |id: &str, how| self.oracle.disturbed(id, how);
        let what = match self.rng.u32(..9) {
            0..=2 => {
                for id in &many {
                    let mut theirs = server.sessions[id].session.clone();
                    theirs.name = format!("edited {}", self.rng.u32(..));
                    server.put_by_others(theirs, truth);
                    disturbed(id, Disturbance::Edited);
                }
                "edits"
            }
            3 | 4 => {
                let how = if server.flavour.has_feed { Disturbance::Deleted } else { Disturbance::Vanished };
                for id in &many {
                    server.delete(id);
                    disturbed(id, how);
                }
                if how == Disturbance::Vanished && many.len() > 1 {
                    self.oracle.mass.lost(&many);
                }
                "deletes"
            }
            5 | 6 => {
                for id in &many {
                    server.lose(id);
                    disturbed(id, Disturbance::Vanished);
                }
                if many.len() > 1 {
                    self.oracle.mass.lost(&many);
                }
                "loses"
            }
            7 => {
                let mut twin = server.sessions[&id].session.clone();
                twin.id = format!("other-{id}");
                twin.application = Some(Application { name: Some("another".to_owned()), ..Application::default() });
                server.put_by_others(twin, truth);
                self.oracle.has_twin(&id);
                "puts a twin of"
            }
            _ => {
                server.forget_tokens();
                "makes tokens worthless, at no cost for"
            }
        };
        self.note(|| format!("somebody {what} {many:?}"));
    }

    /// Something befalls the memory; a new process starts.
    pub fn mishap(&mut self) {
        let away = [Mishap::Lost, Mishap::PutBack, Mishap::PutBack, Mishap::Moved];
        // Whoever went to another server often comes back.
        let back = [Mishap::Moved, Mishap::Moved, Mishap::PutBack, Mishap::Moved];
        let mishap = *pick(&mut self.rng, if self.is_elsewhere { &back } else { &away });
        if mishap == Mishap::PutBack && self.oracle.backup.is_none() {
            return;
        }
        self.note(|| format!("the memory is {mishap:?}"));
        self.end();
        match mishap {
            Mishap::Lost => {
                self.disk.clear();
                self.oracle.forget_all();
            }
            Mishap::PutBack => {
                self.disk.put_back(self.bug);
                self.oracle.put_back_backup();
            }
            Mishap::Moved => {
                self.is_elsewhere = !self.is_elsewhere;
                let there: Vec<String> =
                    self.network.destination().sessions.values().filter_map(|stored| stored.body.clone()).collect();
                self.network.switch();
                self.oracle.moved();
                if chance(&mut self.rng, 700) && !there.is_empty() {
                    let body = pick(&mut self.rng, &there).clone();
                    self.was_here(&body);
                }
            }
        }
        self.restart(false);
    }

    /// Another memory of ours has put a workout at the other server, under an id of its own.
    fn was_here(&mut self, body: &str) {
        let mut session: Session = serde_json::from_str(body).unwrap();
        let id = format!("fitferry-other-{}", self.steps);
        let truth = self.truth();
        let server = self.network.destination();
        if self.oracle.was_put_by_another(&session.id, &id, body, &server.sessions) {
            session.id.clone_from(&id);
            server.put(&serde_json::to_string(&session).unwrap(), truth);
            self.note(|| format!("another memory has put {id} there"));
        }
    }

    /// Somebody makes a backup.
    pub fn back_up(&mut self) {
        if self.disk.can_be_backed_up() {
            self.note(|| "backup".to_owned());
            self.disk.back_up();
            self.oracle.back_up(self.is_elsewhere);
        }
    }
}
