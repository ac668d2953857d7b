//! Questions find their answers.

use outvote_peer_wire::{Connection, DONE, PUT, serve};
use tokio::net::TcpListener;

#[tokio::test]
async fn each_question_gets_its_own_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(listener, |frame| async move { (DONE, frame.body) }));
    let connection = Connection::open(&address).await.unwrap();
    let asked: Vec<_> = (0..100u8)
        .map(|number| {
            let connection = connection.clone();
            tokio::spawn(async move { connection.ask(PUT, vec![number]).await.unwrap().body })
        })
        .collect();
    for (number, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap(), vec![number as u8]);
    }
}

#[tokio::test]
async fn a_broken_connection_ends_the_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { drop(listener.accept().await) });
    let connection = Connection::open(&address).await.unwrap();
    assert!(connection.ask(PUT, Vec::new()).await.is_err());
}
