//! What healthy clients and servers do that looks like trouble: nothing of it may be called blocked, and what is the same from
//! afar but is trouble must be told from it.
//!
//! Each case is what real programs were seen to send: browsers that connect in advance, servers that close idle connections,
//! clients that resume downloads, captures that begin or end in the middle.

#[path = "support/audit.rs"]
mod audit;
#[path = "support/frames.rs"]
#[allow(dead_code, reason = "recordings are changed elsewhere")]
mod frames;
#[path = "support/report.rs"]
#[allow(dead_code, reason = "not all of a report matters here")]
mod report;
#[path = "support/scene.rs"]
#[allow(dead_code, reason = "not all that happens is healthy")]
mod scene;

use Side::{Client, Server};
use audit::audit;
use report::Host;
use scene::{
    ACK, Connection, DEVICE, FIN, Scene, Side, alert, application_data, client_hello,
    encrypted_alert, encrypted_finished, finished, ntp, server_flight, server_hello, socket,
};

const MANAGE: &str = "manage.microsoft.com";
const MANAGE_IP: &str = "20.37.153.10";
const MANAGE_443: &str = "20.37.153.10:443";
const UPDATE: &str = "ctldl.windowsupdate.com";
const UPDATE_IP: &str = "23.32.46.44";
const UPDATE_80: &str = "23.32.46.44:80";
const TIME: &str = "time.windows.com";
const TIME_IP: &str = "40.119.6.228";

/// What is said of `host` after `tell`, as `verdict` or `verdict: cause`, asserted.
#[track_caller]
fn says(host: &str, expected: &str, tell: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::new();
    tell(&mut scene);
    let report = audit(&scene.capture(), "en-latest");
    let hosts: Vec<&Host> = report
        .clients
        .iter()
        .filter(|client| client.addresses.iter().any(|address| address == DEVICE))
        .flat_map(|client| &client.endpoint_sets)
        .flat_map(|set| &set.hosts)
        .filter(|known| known.name.eq_ignore_ascii_case(host))
        .collect();
    let said = hosts.first().map_or("not tried".to_owned(), |host| {
        host.cause.as_ref().map_or_else(
            || host.verdict.clone(),
            |cause| format!("{}: {cause}", host.verdict),
        )
    });
    assert_eq!(said, expected, "{hosts:#?}\n{:#?}", report.flows);
}

/// A TLS connection that is served, then another one to the same server, opened, then `tell`.
#[track_caller]
fn beside_a_served_one(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) {
    says(MANAGE, expected, |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        scene.opened(MANAGE_443).serve(scene, MANAGE);
        let mut connection = scene.opened(MANAGE_443);
        tell(scene, &mut connection);
        scene.wait_and_see(30_000);
    });
}

/// One TLS connection alone.
#[track_caller]
fn alone(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) {
    says(MANAGE, expected, |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        let mut connection = scene.opened(MANAGE_443);
        tell(scene, &mut connection);
        scene.wait_and_see(30_000);
    });
}

/// One plain HTTP connection.
#[track_caller]
fn http(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) {
    says(UPDATE, expected, |scene| {
        scene.resolve(UPDATE, UPDATE_IP);
        let mut connection = scene.opened(UPDATE_80);
        tell(scene, &mut connection);
        scene.wait_and_see(5_000);
    });
}

fn get(fields: &str) -> Vec<u8> {
    format!("GET /x.cab HTTP/1.1\r\nHost: {UPDATE}\r\n{fields}\r\n").into_bytes()
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata";

/// A TLS 1.3 handshake to its end, the server's tickets included.
fn handshake(scene: &mut Scene, connection: &mut Connection) {
    connection.hellos(scene, MANAGE);
    connection.say(scene, Client, &finished());
    connection.say(
        scene,
        Server,
        &[application_data(250), application_data(250)].concat(),
    );
}

mod spare_connections {
    use super::*;

    #[test]
    fn closed_after_a_while_by_a_browser_that_did_not_need_it() {
        let tell = |scene: &mut Scene, connection: &mut Connection| {
            handshake(scene, connection);
            scene.wait(90);
            connection.close(scene);
        };
        beside_a_served_one("reached", tell);
        alone("inconclusive", tell);
    }

    #[test]
    fn closed_with_a_notice_and_by_the_server_first() {
        let tell = |scene: &mut Scene, connection: &mut Connection| {
            handshake(scene, connection);
            connection.say(scene, Client, &encrypted_alert());
            connection.send(scene, Server, FIN | ACK, &[]);
            connection.send(scene, Client, FIN | ACK, &[]);
        };
        beside_a_served_one("reached", tell);
        alone("inconclusive", tell);
    }

    #[test]
    fn held_for_long_and_closed_with_a_notice() {
        alone("reached", |scene, connection| {
            handshake(scene, connection);
            scene.wait(20_000);
            connection.say(scene, Client, &encrypted_alert());
            connection.close(scene);
        });
    }

    #[test]
    fn a_certificate_that_is_refused_after_the_handshake_is_something_else() {
        let tell = |scene: &mut Scene, connection: &mut Connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &finished());
            connection.close(scene);
        };
        alone("blocked: tls_client_abort", tell);
        beside_a_served_one("reached", tell);
        beside_a_served_one("degraded: tls_client_abort", |scene, connection| {
            tell(scene, connection);
            for _ in 0..2 {
                scene.wait(1_000);
                let mut again = scene.opened(MANAGE_443);
                tell(scene, &mut again);
            }
        });
    }

    #[test]
    fn never_used_until_the_client_closes_it_and_the_server_complains() {
        alone("inconclusive", |scene, connection| {
            scene.wait(5_000);
            connection.send(scene, Client, FIN | ACK, &[]);
            connection.send(scene, Server, ACK, &alert(2, 50));
            connection.send(scene, Server, FIN | ACK, &[]);
        });
    }

    #[test]
    fn never_used_until_the_server_resets_it() {
        alone("inconclusive", |scene, connection| {
            scene.wait(6_000);
            connection.reset(scene, Server, None);
        });
        alone("blocked: tcp_refused", |scene, connection| {
            scene.wait(40);
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn cancelled_before_the_server_spoke() {
        alone("inconclusive", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.send(scene, Client, FIN | ACK, &[]);
            connection.say(scene, Server, &server_flight());
            connection.reset(scene, Client, None);
        });
    }
}

mod tls {
    use super::*;

    #[test]
    fn a_reset_behind_the_servers_own_end_clears_away() {
        alone("inconclusive", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &[finished(), application_data(120)].concat());
            connection.send(scene, Server, FIN | ACK, &[]);
            connection.reset(scene, Server, None);
        });
        alone("blocked: reset_before_response", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &[finished(), application_data(120)].concat());
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn a_wrong_clock_is_no_inspection() {
        alone("blocked: tls_certificate_expired", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &alert(2, 45));
            connection.close(scene);
        });
    }

    #[test]
    fn a_server_that_ends_it_after_the_clients_finished_is_not_silent() {
        alone("blocked: tls_server_alert", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &finished());
            connection.say(scene, Server, &encrypted_alert());
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn a_connection_that_is_negotiated_again_for_a_client_certificate() {
        let record = |kind: u8, octets: u8| {
            let mut record = vec![kind, 3, 3, 0, octets];
            record.resize(5 + usize::from(octets), 0x5a);
            record
        };
        alone("reached", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &server_hello(false));
            connection.say(scene, Client, &encrypted_finished());
            connection.say(scene, Server, &encrypted_finished());
            connection.say(scene, Client, &application_data(111));
            connection.say(scene, Server, &record(22, 28));
            connection.say(scene, Client, &record(22, 247));
            connection.say(scene, Server, &record(22, 243));
            connection.say(
                scene,
                Client,
                &[record(22, 200), record(20, 25), record(22, 40)].concat(),
            );
            connection.say(scene, Server, &[record(20, 25), record(22, 40)].concat());
            connection.say(scene, Server, &application_data(436));
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn before_version_1_3_a_finished_handshake_is_enough() {
        alone("reached", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &server_hello(false));
            connection.say(scene, Client, &encrypted_finished());
            connection.say(scene, Server, &encrypted_finished());
            connection.close(scene);
        });
    }
}

mod plain_http {
    use super::*;

    #[test]
    fn a_request_meets_the_end_of_an_idle_connection() {
        http("reached", |scene, connection| {
            connection.say(scene, Client, &get(""));
            connection.say(scene, Server, ANSWER);
            scene.wait(2_000);
            connection.send(scene, Server, FIN | ACK, &[]);
            connection.send(scene, Client, ACK, &get(""));
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn a_long_poll_is_given_up() {
        http("reached", |scene, connection| {
            connection.say(scene, Client, &get(""));
            connection.say(scene, Server, ANSWER);
            connection.say(scene, Client, &get(""));
            scene.wait(8_000);
            connection.close(scene);
        });
        http(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, &get(""));
                scene.wait(8_000);
                connection.close(scene);
            },
        );
    }

    #[test]
    fn the_server_is_still_at_work_when_the_capture_ends() {
        http("inconclusive", |scene, connection| {
            connection.say(scene, Client, &get(""));
        });
    }

    #[test]
    fn whole_answers_to_range_requests_that_servers_must_give() {
        for fields in [
            "Range: bytes=100-199\r\nIf-Range: \"v1\"\r\n",
            "Range: bytes=0-\r\n",
        ] {
            http("reached", |scene, connection| {
                connection.say(scene, Client, &get(fields));
                connection.say(scene, Server, ANSWER);
                connection.close(scene);
            });
        }
        http("degraded: range_ignored", |scene, connection| {
            connection.say(scene, Client, &get("Range: bytes=0-1\r\n"));
            connection.say(scene, Server, ANSWER);
            connection.close(scene);
        });
    }

    #[test]
    fn a_short_link_leads_anywhere() {
        const LINKS: &str = "go.microsoft.com";
        let link = |expected: &str, location: &str| {
            says(LINKS, expected, |scene| {
                scene.resolve(LINKS, "23.54.96.10");
                let mut connection = scene.opened("23.54.96.10:80");
                let request = format!("GET /fwlink/?LinkId=7 HTTP/1.1\r\nHost: {LINKS}\r\n\r\n");
                connection.say(scene, Client, request.as_bytes());
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
                );
                connection.say(scene, Server, answer.as_bytes());
                connection.close(scene);
                scene.wait_and_see(5_000);
            });
        };
        link("reached", "https://www.bing.example/?ref=go.microsoft.com");
        link(
            "reached",
            "https://www.bing.example/?from=http://go.microsoft.com/",
        );
        let blocked = "blocked: http_block_page";
        link(
            blocked,
            "http://filter.example/?url=http%3A%2F%2Fgo.microsoft.com%2Ffwlink%2F%3FLinkId%3D7",
        );
        link(blocked, "http://10.20.0.80/blocked");
    }

    #[test]
    fn downloads_that_end_early_for_good_reasons() {
        let part = |octets: usize| {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
            [head, vec![0x5a; octets]].concat()
        };
        let begun = |scene: &mut Scene, connection: &mut Connection, octets: usize| {
            connection.say(scene, Client, &get(""));
            connection.say(scene, Server, &part(octets));
        };
        // The client has had enough.
        http("reached", |scene, connection| {
            begun(scene, connection, 40_000);
            connection.reset(scene, Client, None);
            connection.reset(scene, Server, None);
        });
        http("reached", |scene, connection| {
            begun(scene, connection, 40_000);
            connection.send(scene, Client, FIN | ACK, &[]);
            connection.reset(scene, Server, None);
        });
        // It pauses, until the server clears the connection away.
        http("reached", |scene, connection| {
            begun(scene, connection, 40_000);
            scene.wait(60_000);
            connection.reset(scene, Server, None);
        });
        // The capture ends, amid it or right behind the reset.
        http("reached", |scene, connection| {
            begun(scene, connection, 40_000)
        });
        says(UPDATE, "reached", |scene| {
            scene.resolve(UPDATE, UPDATE_IP);
            let mut connection = scene.opened(UPDATE_80);
            begun(scene, &mut connection, 40_000);
            connection.reset(scene, Server, None);
        });
        // Whole, and reset behind the end; idle, and reset.
        http("reached", |scene, connection| {
            begun(scene, connection, 100_000);
            connection.reset(scene, Server, None);
        });
        // Lengths without bodies.
        for (request, status) in [("HEAD", "200 OK"), ("GET", "304 Not Modified")] {
            http("reached", |scene, connection| {
                let request = format!("{request} /x.cab HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
                connection.say(scene, Client, request.as_bytes());
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: 100000\r\n\r\n");
                connection.say(scene, Server, head.as_bytes());
                connection.reset(scene, Server, None);
            });
        }
        // A part was asked for, and came.
        http("reached", |scene, connection| {
            connection.say(scene, Client, &get("Range: bytes=0-39999\r\n"));
            let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-39999/100000\r\nContent-Length: 40000\r\n\r\n";
            connection.say(scene, Server, &[head.as_bytes(), &[0x5a; 40_000]].concat());
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn an_answer_before_the_end_of_the_request() {
        http("reached", |scene, connection| {
            let request = get("");
            let (start, rest) = request.split_at(request.len() - 4);
            connection.say(scene, Client, start);
            connection.say(scene, Server, ANSWER);
            connection.send(scene, Server, FIN | ACK, &[]);
            connection.send(scene, Client, ACK, rest);
            connection.reset(scene, Server, None);
        });
    }
}

#[test]
fn a_capture_that_begins_with_the_remains_of_a_connection() {
    says(MANAGE, "reached", |scene| {
        let mut old = scene.connection(MANAGE_443);
        old.send(scene, Server, ACK, &server_flight());
        old.reset(scene, Client, None);
        scene.connection(MANAGE_443).reset(scene, Server, None);
        scene.resolve(MANAGE, MANAGE_IP);
        scene.opened(MANAGE_443).serve(scene, MANAGE);
        scene.wait_and_see(30_000);
    });
}

#[test]
fn a_socket_that_is_gone_answers_a_late_server_with_resets() {
    says(MANAGE, "inconclusive", |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        let mut old = scene.connection(MANAGE_443);
        old.send(scene, Client, ACK, &client_hello(MANAGE));
        for _ in 0..2 {
            old.send(scene, Server, ACK, &server_flight());
            old.reset(scene, Client, None);
        }
        scene.wait_and_see(30_000);
    });
}

/// A cache on the company's network serves several domains over plain HTTP.
#[test]
fn a_cache_inside_serves_unrelated_names() {
    const DELIVERY: &str = "2.dl.delivery.mp.microsoft.com";
    for host in [UPDATE, DELIVERY] {
        says(host, "reached", |scene| {
            for name in [UPDATE, DELIVERY] {
                scene.lookup(name, 1, 0, None, &["10.20.0.80"]);
                let mut connection = scene.opened("10.20.0.80:80");
                let request =
                    format!("GET /filestreamingservice/x HTTP/1.1\r\nHost: {name}\r\n\r\n");
                connection.say(scene, Client, request.as_bytes());
                connection.say(
                    scene,
                    Server,
                    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nMSCF",
                );
                connection.close(scene);
            }
            scene.wait_and_see(5_000);
        });
    }
}

#[test]
fn a_capture_that_ends_right_after_the_second_try() {
    says(MANAGE, "inconclusive", |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        let mut connection = scene.connection(MANAGE_443);
        connection.syn(scene);
        scene.wait(1_000);
        connection.syn(scene);
        scene.wait_and_see(500);
    });
    says(MANAGE, "inconclusive", |scene| {
        scene.question(MANAGE, 1, 2);
        scene.wait_and_see(500);
    });
}

#[test]
fn a_capture_that_ends_while_another_resolver_is_asked() {
    let second = socket("10.20.0.2:53");
    let ask = |scene: &mut Scene| {
        scene.lookup(MANAGE, 1, 2, None, &[]);
        let device = socket(&format!("{DEVICE}:40001"));
        scene.datagram(device, second, &scene::query_message(MANAGE, 1));
        device
    };
    for code in [2, 5] {
        says(MANAGE, "inconclusive", |scene| {
            scene.lookup(MANAGE, 1, code, None, &[]);
            scene.wait_and_see(500);
        });
    }
    says(MANAGE, "inconclusive", |scene| {
        ask(scene);
        scene.wait_and_see(500);
    });
    says(MANAGE, "blocked: dns_servfail", |scene| {
        ask(scene);
        scene.wait_and_see(5_000);
    });
    // The device has been asking for a while, and asks again when the capture ends.
    says(MANAGE, "blocked: dns_servfail", |scene| {
        scene.lookup(MANAGE, 1, 2, None, &[]);
        scene.wait(10_000);
        ask(scene);
        scene.wait_and_see(500);
    });
}

#[test]
fn one_datagram_of_several_is_lost() {
    says(TIME, "reached", |scene| {
        scene.resolve(TIME, TIME_IP);
        for answered in [false, true, true] {
            scene.wait(4_000);
            let port = 40_000 + u16::from(answered);
            let (device, server) = (
                socket(&format!("{DEVICE}:{port}")),
                socket(&format!("{TIME_IP}:123")),
            );
            scene.datagram(device, server, &ntp(3));
            if answered {
                scene.datagram(server, device, &ntp(4));
            }
        }
        scene.wait_and_see(10_000);
    });
}

#[test]
fn quic_that_is_refused_aloud_is_as_good_as_dropped() {
    says(MANAGE, "reached", |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        let device = socket(&format!("{DEVICE}:50123"));
        scene.datagram(device, socket(MANAGE_443), &[0xc0; 1_200]);
        scene.unreachable(3, 13);
        scene.opened(MANAGE_443).serve(scene, MANAGE);
        scene.wait_and_see(30_000);
    });
}
