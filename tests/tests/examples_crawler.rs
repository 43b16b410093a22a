//! The crawler as a program, on sites that threads of the test serve.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use lif_tests::example::{PATIENCE, Running};

/// Serves what `page` says of a path, a thread a connection; `None` is never answered.
fn site(page: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let page = Arc::new(page);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let page = Arc::clone(&page);
            thread::spawn(move || answer(stream, &*page));
        }
    });
    url
}

fn answer(mut stream: TcpStream, page: &dyn Fn(&str) -> Option<String>) {
    let mut head = Vec::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head).unwrap() > 0 {}
    let head = String::from_utf8(head).unwrap();
    match page(head.split(' ').nth(1).unwrap_or_default()) {
        // The client may have given up.
        Some(text) => drop(stream.write_all(text.as_bytes())),
        None => drop(reader.read_line(&mut String::new())),
    }
}

fn ok(body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// All that it printed: the pages, sorted, and the summary.
fn crawl(args: &[&str]) -> (Vec<String>, String) {
    let mut crawler = Running::start("crawler", args);
    let mut lines = Vec::new();
    while let Ok(line) = crawler.lines.recv_timeout(PATIENCE) {
        lines.push(line);
    }
    assert!(crawler.wait().success(), "{lines:?}");
    let summary = lines.pop().expect("a summary");
    lines.sort();
    (lines, summary)
}

#[test]
fn crawler_visits_every_page_of_its_own_site_once() {
    let (pages, summary) = crawl(&[]);
    assert_eq!(summary, "100 pages, 0 failed, complete");
    let mut paths: Vec<_> = pages.iter().map(|line| line.split(' ').nth(1)).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 100);
}

#[test]
fn crawler_fetches_pages_at_the_same_time() {
    // Each leaf is answered only when four of them have been asked for.
    let (count, asked) = (Mutex::new(0), Condvar::new());
    let url = site(move |path| match path {
        "/" => ok("<a href=\"/1\"> <a href=\"/2\"> <a href=\"/3#part\"> <a href=\"/4\">"),
        _ => {
            let mut count = count.lock().unwrap();
            *count += 1;
            asked.notify_all();
            drop(asked.wait_timeout_while(count, PATIENCE, |count| *count < 4).unwrap());
            ok("")
        }
    });
    let (pages, summary) = crawl(&[&url]);
    assert_eq!(summary, "5 pages, 0 failed, complete");
    assert_eq!(&pages[..4], ["0 /1", "0 /2", "0 /3", "0 /4"]);
}

#[test]
fn crawler_reports_what_fails_and_follows_no_link_to_elsewhere() {
    let url = site(|path| match path {
        "/" => ok("<a href=\"/gone\"><a href=\"/short\"><a href=\"//x/\"><a href=\"http://x/\">"),
        "/short" => Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into()),
        _ => Some("HTTP/1.1 404 Not Found\r\n\r\n".into()),
    });
    let (pages, summary) = crawl(&[&url]);
    assert_eq!(summary, "1 pages, 2 failed, complete");
    assert!(pages.iter().any(|line| line.starts_with("failed /gone: ") && line.contains("404")));
    assert!(pages.iter().any(|line| line.starts_with("failed /short: ")), "{pages:?}");
}

#[test]
fn crawler_ends_in_time_though_a_page_never_comes() {
    let url = site(|path| match path {
        "/" => ok("<a href=\"/never\"><a href=\"/page\">"),
        "/never" => None,
        _ => ok("here"),
    });
    let seconds = Duration::from_millis(500).as_secs_f64().to_string();
    let (pages, summary) = crawl(&[&url, &seconds]);
    assert_eq!(summary, "2 pages, 1 failed, out of time");
    assert!(pages.contains(&"4 /page".to_owned()), "{pages:?}");
}
