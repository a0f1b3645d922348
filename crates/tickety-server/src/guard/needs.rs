//! What routes ask of who asks them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::Method;

use crate::guard::access::{Identity, Scope};
use crate::server::API;

/// What a route asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: it is for everybody who may ask at all.
    Nothing,
    /// This scope, whatever the method.
    Scope(Scope),
}

/// Whose a route is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place<'a> {
    /// It tells nothing that belongs to anybody.
    Anywhere,
    /// It belongs to the server, which is that of the first project.
    Server,
    /// It belongs to this project.
    Project(&'a str),
}

/// The routes that ask for something special, and the projects.
#[derive(Debug)]
pub(crate) struct Needs {
    special: HashMap<String, Need>,
    /// What the addresses of projects begin with, the longer first.
    projects: Vec<(String, Arc<str>)>,
    first: Option<Arc<str>>,
}

/// The address of sessions.
pub(crate) const SESSION: &str = "/session";

impl Needs {
    /// Makes a table of the projects, the first one first, and of what else asks for something special.
    pub(crate) fn new(names: &[Arc<str>], others: Vec<(String, Need)>) -> Self {
        let admin = Need::Scope(Scope::Admin);
        let mut special = HashMap::from([
            ("/health/live".to_owned(), Need::Nothing),
            ("/health/ready".to_owned(), Need::Nothing),
            ("/health/details".to_owned(), admin),
            (SESSION.to_owned(), Need::Scope(Scope::Read)),
        ]);
        let mut bases: Vec<_> =
            names.iter().map(|name| (format!("{API}/projects/{name}/"), Arc::clone(name))).collect();
        bases.extend(names.first().map(|first| (format!("{API}/"), Arc::clone(first))));
        for (base, _) in &bases {
            special.insert(format!("{base}cache/clear"), admin);
            // It only reads, and is sent with a body.
            special.insert(format!("{base}batch/get"), Need::Scope(Scope::Read));
            special.insert(format!("{base}storage/unreadable"), Need::Scope(Scope::Read));
        }
        special.extend(others);
        Self { special, projects: bases, first: names.first().cloned() }
    }

    /// Returns what a route asks for, and whose it is. `route` is how it was mounted; `None` where there is none.
    pub(crate) fn of<'a>(&'a self, method: &Method, route: Option<&str>) -> (Need, Place<'a>) {
        let usual = if method.is_safe() { Scope::Read } else { Scope::Write };
        let Some(route) = route else { return (Need::Scope(Scope::Read), Place::Anywhere) };
        let need = self.special.get(route).copied().unwrap_or(Need::Scope(usual));
        let is_general = route == SESSION || route.strip_prefix(API) == Some("/openapi.json");
        let project = || self.projects.iter().find(|(base, _)| route.starts_with(base.as_str()));
        let place = match is_general {
            true => Place::Anywhere,
            false => project().map_or(Place::Server, |(_, name)| Place::Project(name)),
        };
        (need, place)
    }

    /// Whether somebody has anything to do with a place.
    pub(crate) fn belongs(&self, who: &Identity, place: Place<'_>) -> bool {
        let Some(own) = who.project.as_deref() else { return true };
        match place {
            Place::Anywhere => true,
            Place::Server => self.first.as_deref() == Some(own),
            Place::Project(name) => name == own,
        }
    }
}
