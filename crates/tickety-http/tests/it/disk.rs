//! From one process to the next.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tickety_http::{Client, ManualClock, Retry};

use crate::origin::{Answer, Origin};

const FRESH: [(&str, &str); 2] = [("cache-control", "max-age=600"), ("etag", "\"1\"")];

/// Starts a process, so to say.
fn process(folder: &Path, clock: &ManualClock) -> Client {
    Client::builder().disk(folder).clock(clock.clone()).retry(Retry::never()).build().unwrap()
}

async fn text(client: &Client, url: &str) -> String {
    client.get(url).send().await.unwrap().text().await.unwrap()
}

/// A folder that one process has filled with `/a`.
async fn filled() -> (TempDir, ManualClock, Origin) {
    let (folder, clock, origin) = (TempDir::new().unwrap(), ManualClock::new(), Origin::start().await);
    origin.answers("/a", [Answer::new(200, &FRESH, "text")]);
    let client = process(&folder.path().join("cache"), &clock);
    assert_eq!(text(&client, &origin.at("/a")).await, "text");
    assert_eq!(client.save().unwrap(), Some(1));
    origin.asked();
    (folder, clock, origin)
}

#[tokio::test]
async fn the_next_process_starts_warm() {
    let (folder, clock, origin) = filled().await;
    clock.advance(std::time::Duration::from_secs(599));
    let client = process(&folder.path().join("cache"), &clock);
    let response = client.get(&origin.at("/a")).send().await.unwrap();
    assert!(response.cache().hit);
    assert_eq!(response.header("age"), Some("599"));
    assert_eq!(response.text().await.unwrap(), "text");
    assert_eq!(origin.count(), 0);
    assert_eq!(client.stats().requests, 0);

    clock.advance(std::time::Duration::from_secs(1));
    origin.answers("/a", [Answer::new(304, &FRESH, "")]);
    let client = process(&folder.path().join("cache"), &clock);
    assert_eq!(text(&client, &origin.at("/a")).await, "text");
    assert_eq!(origin.asked()[0].field("if-none-match"), Some("\"1\""));
}

#[tokio::test]
async fn answers_with_all_their_fields_and_variants_are_kept() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let client = process(&place, &clock);
    let fields = [("cache-control", "max-age=600"), ("vary", "a"), ("set-cookie", "b=c"), ("set-cookie", "d=e")];
    for name in ["1", "2"] {
        origin.answers("/v", [Answer::new(200, &fields, name)]);
        client.get(&origin.at("/v")).header("a", name).send().await.unwrap().bytes().await.unwrap();
    }
    client.save().unwrap();
    origin.asked();
    let client = process(&place, &clock);
    for name in ["1", "2"] {
        let response = client.get(&origin.at("/v")).header("a", name).send().await.unwrap();
        assert_eq!(response.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["b=c", "d=e"]);
        assert_eq!(response.text().await.unwrap(), name);
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn who_asked_is_not_written_down_and_recognised() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let client = process(&place, &clock);
    origin.answers("/me", [Answer::new(200, &[FRESH[0], ("vary", "cookie")], "mine")]);
    let ask = async |client: &Client, name: &str, cookie: &str| {
        let request = client.get(&origin.at("/me")).header("authorization", name).header("cookie", cookie);
        request.send().await.unwrap().cache().hit
    };
    assert!(!ask(&client, "Bearer hunter2", "id=hunter3").await);
    client.save().unwrap();
    let bytes = fs::read(place.join("answers")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"hunter"));
    let client = process(&place, &clock);
    assert!(ask(&client, "Bearer hunter2", "id=hunter3").await);
    assert!(!ask(&client, "Bearer hunter4", "id=hunter3").await);
    assert!(!ask(&client, "Bearer hunter2", "id=hunter4").await);
}

#[tokio::test]
async fn what_is_damaged_is_refused_and_left_out() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let file = place.join("answers");
    let whole = fs::read(&file).unwrap();
    let mut damaged = vec![Vec::new(), b"something else".to_vec(), whole[..whole.len() - 1].to_vec()];
    for at in (0..whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        damaged.push(flipped);
    }
    for bytes in damaged {
        fs::write(&file, bytes).unwrap();
        let client = process(&place, &clock);
        let refused = client.refused().unwrap().to_string();
        assert!(refused.starts_with("could not use ") && refused.contains("answers, which is left out: "), "{refused}");
        assert_eq!(client.stats().entries, 0);
    }
    // It is no reason not to work, nor to write it anew.
    let client = process(&place, &clock);
    assert_eq!(text(&client, &origin.at("/a")).await, "text");
    assert_eq!(client.save().unwrap(), Some(1));
    assert!(process(&place, &clock).refused().is_none());
}

#[tokio::test]
async fn where_nobody_can_tell_what_was_invalidated_everything_is() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let before = process(&place, &clock);
    fs::write(place.join("epoch"), "12 and something longer").unwrap();
    assert_eq!(before.save().unwrap(), None, "it can't tell either");
    let client = process(&place, &clock);
    let refused = client.refused().unwrap().to_string();
    assert!(refused.contains("epoch, which is left out: it is no number"), "{refused}");
    assert_eq!(client.stats().entries, 0);
    assert_eq!(text(&client, &origin.at("/a")).await, "text");
    assert_eq!(client.save().unwrap(), Some(1));
    assert_eq!(before.save().unwrap(), None);
    let next = process(&place, &clock);
    assert!(next.refused().is_none());
    assert_eq!(next.stats().entries, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_their_owners_alone_and_others_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, clock, _origin) = filled().await;
    let place = folder.path().join("cache");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    for entry in fs::read_dir(&place).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    fs::set_permissions(place.join("answers"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(process(&place, &clock).refused().is_some());
}

#[tokio::test]
async fn a_private_cache_is_nothing_for_a_shared_one() {
    let (folder, clock, _origin) = filled().await;
    let shared = Client::builder().shared().disk(folder.path().join("cache")).clock(clock).build().unwrap();
    assert!(shared.refused().unwrap().to_string().contains("tickety-http 1 private"));
}

#[tokio::test]
async fn what_was_invalidated_is_not_read_by_the_next_process_saved_or_not() {
    for saves in [false, true] {
        let (folder, clock, origin) = filled().await;
        let place = folder.path().join("cache");
        let client = process(&place, &clock);
        client.delete(&origin.at("/a")).send().await.unwrap();
        if saves {
            assert_eq!(client.save().unwrap(), Some(0));
        }
        assert_eq!(process(&place, &clock).stats().entries, 0);
    }
}

#[tokio::test]
async fn what_another_process_invalidated_is_not_brought_back() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let (reader, writer) = (process(&place, &clock), process(&place, &clock));
    writer.delete(&origin.at("/a")).send().await.unwrap();
    assert_eq!(reader.save().unwrap(), None);
    assert_eq!(writer.save().unwrap(), Some(0));
    assert_eq!(reader.save().unwrap(), None);
    reader.delete(&origin.at("/b")).send().await.unwrap();
    assert_eq!(reader.save().unwrap(), None, "it has what was invalidated still");
    assert_eq!(process(&place, &clock).stats().entries, 0);
}

#[tokio::test]
async fn what_comes_from_the_future_is_refused() {
    let (folder, clock, origin) = filled().await;
    let place = folder.path().join("cache");
    let later = ManualClock::new();
    later.advance(std::time::Duration::from_secs(3_600));
    let client = process(&place, &later);
    origin.answers("/b", [Answer::new(200, &FRESH, "")]);
    text(&client, &origin.at("/b")).await;
    client.save().unwrap();
    assert!(process(&place, &clock).refused().unwrap().to_string().contains("it comes from the future"));
}

#[tokio::test]
async fn a_folder_that_cant_be_written_is_told_and_nothing_else_changes() {
    let (folder, clock, origin) = filled().await;
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let client = process(&file.join("cache"), &clock);
    assert!(client.refused().unwrap().to_string().starts_with("could not make "));
    assert_eq!(text(&client, &origin.at("/a")).await, "text");
    assert!(client.save().is_err());
}
