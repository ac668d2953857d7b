//! A chat without a cluster, and short words for what people do in it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use outvote_chat::{Access, Chat, ChatAnswer, ChatError, ChatOperation, ChatQuestion, MessageView};
use outvote_execution::Sandbox;
use outvote_types::PublicKey;

pub const ADA: PublicKey = PublicKey([1; 32]);
pub const BOB: PublicKey = PublicKey([2; 32]);
pub const EVE: PublicKey = PublicKey([3; 32]);

pub struct Town(pub Sandbox<Chat>);

impl Town {
    /// Nobody is here yet.
    pub fn empty() -> Self {
        Self(Sandbox::new(Chat))
    }

    /// Ada, Bob and Eve have their names, Ada has opened `lobby` for everybody and `attic` for members.
    pub fn new() -> Self {
        let mut town = Self::empty();
        for (key, name) in [(ADA, "ada"), (BOB, "bob"), (EVE, "eve")] {
            town.register(key, name).unwrap();
        }
        town.create(ADA, "lobby", Access::Public).unwrap();
        town.create(ADA, "attic", Access::InviteOnly).unwrap();
        town
    }

    pub fn act(&mut self, who: PublicKey, operation: &ChatOperation) -> Result<ChatAnswer, String> {
        code(ChatAnswer::parse(&self.0.apply(who, &operation.encode())))
    }

    pub fn ask(&self, question: &ChatQuestion) -> Result<ChatAnswer, String> {
        code(ChatAnswer::parse(&self.0.query(&question.encode())))
    }

    pub fn register(&mut self, who: PublicKey, name: &str) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Register { name: name.into() })
    }

    pub fn create(&mut self, who: PublicKey, room: &str, access: Access) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::CreateRoom { room: room.into(), access })
    }

    pub fn join(&mut self, who: PublicKey, room: &str) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Join { room: room.into() })
    }

    pub fn leave(&mut self, who: PublicKey, room: &str) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Leave { room: room.into() })
    }

    pub fn invite(&mut self, who: PublicKey, room: &str, member: PublicKey) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Invite { room: room.into(), member })
    }

    pub fn remove(&mut self, who: PublicKey, room: &str, member: PublicKey) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Remove { room: room.into(), member })
    }

    pub fn post(&mut self, who: PublicKey, room: &str, text: &str) -> Result<ChatAnswer, String> {
        self.act(who, &ChatOperation::Post { room: room.into(), text: text.into() })
    }

    pub fn history(&self, room: &str, reader: Option<PublicKey>) -> Result<Vec<MessageView>, String> {
        self.page(room, None, None, 0, reader)
    }

    pub fn page(
        &self,
        room: &str,
        before: Option<u64>,
        after: Option<u64>,
        limit: u32,
        reader: Option<PublicKey>,
    ) -> Result<Vec<MessageView>, String> {
        let question = ChatQuestion::History { room: room.into(), before, after, limit, reader };
        match self.ask(&question)? {
            ChatAnswer::History { messages, .. } => Ok(messages),
            other => panic!("a history is expected, not {other:?}"),
        }
    }

    pub fn members(&self, room: &str, reader: Option<PublicKey>) -> Result<Vec<String>, String> {
        let question = ChatQuestion::Members { room: room.into(), reader, after: None, limit: 0 };
        match self.ask(&question)? {
            ChatAnswer::Members { members, .. } => {
                Ok(members.into_iter().map(|member| member.name).collect())
            }
            other => panic!("members are expected, not {other:?}"),
        }
    }

    pub fn rooms(&self, as_key: Option<PublicKey>) -> Vec<String> {
        match self.ask(&ChatQuestion::Rooms { as_key, after: None, limit: 0 }) {
            Ok(ChatAnswer::Rooms { rooms, next: None }) => rooms.into_iter().map(|room| room.room).collect(),
            other => panic!("all rooms are expected, not {other:?}"),
        }
    }
}

fn code(answer: Result<ChatAnswer, ChatError>) -> Result<ChatAnswer, String> {
    answer.map_err(|error| match error {
        ChatError::Refused { code, .. } => code,
        ChatError::Foreign(error) => panic!("the chat answers in its own words: {error}"),
    })
}

pub fn index(answer: Result<ChatAnswer, String>) -> u64 {
    match answer {
        Ok(ChatAnswer::Posted { index, .. }) => index,
        other => panic!("a posted message is expected, not {other:?}"),
    }
}

pub fn refused(answer: Result<ChatAnswer, String>) -> String {
    answer.expect_err("a refusal is expected")
}
