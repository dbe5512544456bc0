//! Requests that wait for their responses, in order (RFC 9112 §9.3.2).

use super::framing::MethodKind;
use std::collections::VecDeque;

/// What must be known of a request until its response comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OpenRequest {
    /// Index of its exchange; `None` when the exchange is only counted.
    pub(super) exchange: Option<usize>,
    /// How its response is framed.
    pub(super) method: MethodKind,
}

/// Open requests, oldest first; bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestQueue {
    requests: VecDeque<OpenRequest>,
    /// Requests behind those in the queue, of which nothing is known but their number.
    beyond: u64,
}

impl RequestQueue {
    /// Most requests queued; clients that pipeline at all keep far fewer open.
    const MAX_REQUESTS: usize = 256;

    /// Adds a request.
    pub(super) fn push(&mut self, request: OpenRequest) {
        if self.beyond == 0 && self.requests.len() < Self::MAX_REQUESTS {
            self.requests.push_back(request);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    /// Takes the request that the next response answers; `None` when no request is open.
    pub(super) fn pop(&mut self) -> Option<OpenRequest> {
        self.requests.pop_front().or_else(|| {
            self.beyond = self.beyond.checked_sub(1)?;
            Some(OpenRequest::default())
        })
    }

    /// Whether the last request is a CONNECT, so that what the client sends next may be meant for the tunnel.
    pub(super) fn last_is_connect(&self) -> bool {
        self.beyond == 0
            && self
                .requests
                .back()
                .is_some_and(|request| request.method == MethodKind::Connect)
    }

    /// Gives up all requests but the last: responses were lost, and a client that does not pipeline has only one open.
    pub(super) fn keep_last(&mut self) {
        if self.beyond > 0 {
            self.requests.clear();
            self.beyond = 1;
        } else {
            let earlier = self.requests.len().saturating_sub(1);
            self.requests.drain(..earlier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(exchange: usize) -> OpenRequest {
        OpenRequest {
            exchange: Some(exchange),
            method: MethodKind::Other,
        }
    }

    #[test]
    fn first_asked_first_answered() {
        let mut queue = RequestQueue::default();
        queue.push(request(0));
        queue.push(request(1));
        assert_eq!(queue.pop(), Some(request(0)));
        assert_eq!(queue.pop(), Some(request(1)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn requests_beyond_the_bound_are_only_counted() {
        let mut queue = RequestQueue::default();
        for exchange in 0..300 {
            queue.push(request(exchange));
        }
        assert_eq!(queue.requests.len(), RequestQueue::MAX_REQUESTS);
        let answered = std::iter::from_fn(|| queue.pop()).count();
        assert_eq!(answered, 300);
    }

    #[test]
    fn after_a_loss_the_last_request_is_the_open_one() {
        let mut queue = RequestQueue::default();
        queue.push(request(0));
        queue.push(request(1));
        queue.keep_last();
        assert_eq!(queue.pop(), Some(request(1)));
    }
}
