//! Faults that no recording holds, packet by packet: what the report must say of each.

#[path = "support/audit.rs"]
mod audit;
#[path = "support/frames.rs"]
#[allow(dead_code, reason = "recordings are changed elsewhere")]
mod frames;
#[path = "support/report.rs"]
#[allow(dead_code, reason = "not all of a report matters here")]
mod report;
#[path = "support/scene.rs"]
mod scene;

use Side::{Client, Server};
use audit::audit;
use report::{EndpointSet, Report};
use scene::{
    ACK, Connection, DEVICE, FIN, RST, Scene, Side, alert, application_data, client_hello,
    encrypted_alert, encrypted_finished, finished, ntp, server_flight, server_hello, socket,
};

/// Endpoint set 163.
const MANAGE: &str = "manage.microsoft.com";
const MANAGE_IP: &str = "20.37.153.10";
const MANAGE_443: &str = "20.37.153.10:443";
const MANAGE_V6: &str = "2603:1020:5:1::10";
const MANAGE_V6_443: &str = "[2603:1020:5:1::10]:443";
/// Endpoint set 164, plain HTTP.
const UPDATE: &str = "ctldl.windowsupdate.com";
const UPDATE_IP: &str = "23.32.46.44";
const UPDATE_80: &str = "23.32.46.44:80";
/// Endpoint set 165.
const TIME: &str = "time.windows.com";
const TIME_IP: &str = "40.119.6.228";
const PROXY: &str = "10.20.0.8:3128";

fn report(tell: impl FnOnce(&mut Scene)) -> Report {
    let mut scene = Scene::new();
    tell(&mut scene);
    audit(&scene.capture(), "ja")
}

fn endpoint_set(report: &Report, id: u32) -> &EndpointSet {
    let device = report
        .clients
        .iter()
        .find(|client| client.addresses.iter().any(|address| address == DEVICE))
        .expect("the device is in the report");
    let mut sets = device.endpoint_sets.iter();
    sets.find(|set| set.id == Some(id))
        .expect("the set is listed")
}

/// Asserts a set's verdict and cause, as `verdict` or `verdict: cause`.
#[track_caller]
fn says(id: u32, expected: &str, tell: impl FnOnce(&mut Scene)) -> Report {
    let report = report(tell);
    let set = endpoint_set(&report, id);
    let said = match &set.cause {
        Some(cause) => format!("{}: {cause}", set.verdict),
        None => set.verdict.clone(),
    };
    assert_eq!(said, expected, "{:#?}\n{:#?}", set.hosts, report.flows);
    report
}

/// What the fitness section names.
fn named(report: &Report) -> Vec<&str> {
    let reasons = report.capture.as_ref().map_or(&[][..], |c| &c.reasons);
    reasons.iter().map(|reason| reason.code.as_str()).collect()
}

/// One TLS connection to set 163, opened, then `tell`.
#[track_caller]
fn tls(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) -> Report {
    says(163, expected, |scene| {
        scene.resolve(MANAGE, MANAGE_IP);
        let mut connection = scene.opened(MANAGE_443);
        tell(scene, &mut connection);
        scene.wait_and_see(30_000);
    })
}

/// One plain HTTP request to set 164 and this response.
#[track_caller]
fn http(expected: &str, response: &str) -> Report {
    says(164, expected, |scene| {
        scene.resolve(UPDATE, UPDATE_IP);
        let mut connection = scene.opened(UPDATE_80);
        let request = format!("GET /msdownload/x.cab HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
        connection.say(scene, Client, request.as_bytes());
        connection.say(scene, Server, response.as_bytes());
        connection.close(scene);
        scene.wait_and_see(5_000);
    })
}

fn page(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    )
}

mod connecting {
    use super::*;

    /// The capture is taken beyond what closes the way back.
    #[test]
    fn an_acceptance_that_does_not_arrive() {
        for (times, after, verdict) in [
            (4, 10_000, "blocked: syn_timeout"),
            (2, 10_000, "inconclusive"),
        ] {
            says(163, verdict, |scene| {
                scene.resolve(MANAGE, MANAGE_IP);
                let mut connection = scene.connection(MANAGE_443);
                for _ in 0..times {
                    connection.ask_in_vain(scene);
                    scene.wait(1_000);
                }
                scene.wait_and_see(after);
            });
        }
    }

    /// What decides is that TCP fails too.
    #[test]
    fn quic_and_then_tcp() {
        let report = says(163, "blocked: syn_timeout", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            let device = socket("10.20.0.14:50123");
            for _ in 0..3 {
                scene.datagram(device, socket(MANAGE_443), &[0xc0; 1_200]);
                scene.wait(1_000);
            }
            scene.connection(MANAGE_443).syns(scene, 4);
            scene.wait_and_see(20_000);
        });
        let summaries = report.findings.iter().map(|finding| &finding.summary);
        assert!(
            summaries
                .clone()
                .any(|summary| summary.contains("dropped in silence")),
            "{:?}",
            summaries.collect::<Vec<_>>()
        );
    }

    #[test]
    fn served_as_it_should_be() {
        tls("reached", |scene, connection| {
            connection.serve(scene, MANAGE)
        });
    }

    #[test]
    fn one_syn_and_silence() {
        says(163, "blocked: syn_timeout", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            scene.connection(MANAGE_443).syn(scene);
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn the_capture_ends_half_a_second_after_the_syn() {
        let report = says(163, "inconclusive", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            scene.connection(MANAGE_443).syn(scene);
            scene.wait_and_see(500);
        });
        assert!(report.flows.iter().any(|flow| flow.outcome == "still_open"));
        assert_eq!(named(&report), ["ended_early"]);
    }

    #[test]
    fn the_fourth_syn_is_answered() {
        tls_after("reached", |scene, connection| {
            connection.syns(scene, 3);
            connection.open(scene);
            connection.serve(scene, MANAGE);
        });
    }

    /// Like `tls`, but nothing is sent yet.
    #[track_caller]
    fn tls_after(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) -> Report {
        says(163, expected, |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            let mut connection = scene.connection(MANAGE_443);
            tell(scene, &mut connection);
            scene.wait_and_see(30_000);
        })
    }

    #[test]
    fn an_icmp_error_that_does_not_last() {
        tls_after("reached", |scene, connection| {
            connection.syn(scene);
            scene.unreachable(3, 1);
            scene.wait(1_000);
            connection.open(scene);
            connection.serve(scene, MANAGE);
        });
    }

    #[test]
    fn an_icmp_error_and_another_connection() {
        says(163, "degraded: icmp_host_unreachable", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            scene.connection(MANAGE_443).syn(scene);
            scene.unreachable(3, 1);
            scene.wait(1_000);
            let mut connection = scene.opened(MANAGE_443);
            connection.serve(scene, MANAGE);
        });
    }

    #[test]
    fn icmp_codes() {
        let codes = [
            (0, "icmp_net_unreachable"),
            (1, "icmp_host_unreachable"),
            (9, "icmp_admin_prohibited"),
            (10, "icmp_admin_prohibited"),
            (13, "icmp_admin_prohibited"),
        ];
        for (code, cause) in codes {
            tls_after(&format!("blocked: {cause}"), |scene, connection| {
                connection.syn(scene);
                scene.unreachable(3, code);
            });
        }
    }

    #[test]
    fn icmp_version_6_codes() {
        let codes = [
            (0, "icmp_net_unreachable"),
            (1, "icmp_admin_prohibited"),
            (3, "icmp_host_unreachable"),
            (5, "icmp_admin_prohibited"),
            (6, "icmp_admin_prohibited"),
        ];
        for (code, cause) in codes {
            let report = says(163, &format!("blocked: {cause}"), |scene| {
                scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
                scene.connection(MANAGE_V6_443).syn(scene);
                scene.unreachable(1, code);
                scene.wait_and_see(5_000);
            });
            assert!(report.flows.iter().any(|flow| flow.outcome == cause));
        }
    }

    #[test]
    fn an_icmp_error_after_the_connection_was_served_changes_nothing() {
        tls("reached", |scene, connection| {
            connection.serve(scene, MANAGE);
            connection.send(scene, Client, ACK, &[]);
            scene.unreachable(3, 13);
        });
    }

    #[test]
    fn refused() {
        for hops in [52, 64] {
            tls_after("blocked: tcp_refused", |scene, connection| {
                connection.syn(scene);
                connection.segment(scene, Server, RST | ACK, 0, 1_000_001, &[], Some(hops));
            });
        }
    }

    #[test]
    fn refused_then_served_by_another_address() {
        says(163, "degraded: tcp_refused", |scene| {
            scene.lookup(MANAGE, 1, 0, None, &["20.37.153.9", MANAGE_IP]);
            let refused = scene.connection("20.37.153.9:443");
            refused.segment(scene, Client, scene::SYN, 1_000_000, 0, &[], None);
            refused.segment(scene, Server, RST | ACK, 0, 1_000_001, &[], None);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
    }

    #[test]
    fn half_of_the_addresses_are_dead() {
        says(163, "degraded: syn_timeout", |scene| {
            scene.lookup(MANAGE, 1, 0, None, &["20.37.153.9", MANAGE_IP]);
            scene.connection("20.37.153.9:443").syns(scene, 4);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
    }

    #[test]
    fn the_loser_of_a_race_between_addresses() {
        for loser in ["20.37.153.9:443", MANAGE_V6_443] {
            says(163, "reached", |scene| {
                scene.lookup(MANAGE, 1, 0, None, &["20.37.153.9", MANAGE_IP]);
                scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
                scene.connection(loser).syn(scene);
                scene.wait(200);
                scene.opened(MANAGE_443).serve(scene, MANAGE);
                scene.wait_and_see(10_000);
            });
        }
    }

    #[test]
    fn served_first_dropped_later() {
        says(163, "degraded: syn_timeout", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
            scene.wait(60_000);
            scene.connection(MANAGE_443).syns(scene, 4);
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn ipv6_is_dropped_and_ipv4_works() {
        says(163, "reached", |scene| {
            scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
            scene.resolve(MANAGE, MANAGE_IP);
            scene.connection(MANAGE_V6_443).syns(scene, 3);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
    }

    #[test]
    fn both_families_are_dropped() {
        says(163, "blocked: syn_timeout", |scene| {
            scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
            scene.resolve(MANAGE, MANAGE_IP);
            scene.connection(MANAGE_V6_443).syns(scene, 3);
            scene.connection(MANAGE_443).syns(scene, 3);
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn a_reset_in_a_connection_that_is_older_than_the_capture() {
        let report = says(163, "inconclusive", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            let mut connection = scene.connection(MANAGE_443);
            connection.send(scene, Client, ACK, &application_data(80));
            connection.reset(scene, Server, None);
            scene.wait_and_see(5_000);
        });
        assert!(report.flows.iter().any(|flow| flow.outcome == "mid_stream"));
    }

    #[test]
    fn an_older_connection_whose_client_is_gone() {
        says(163, "inconclusive", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            let connection = scene.connection(MANAGE_443);
            for time in 0..4 {
                let answer = application_data(300);
                connection.segment(scene, Server, ACK, 2_000_001, 1_000_001, &answer, None);
                scene.wait(300 << time);
            }
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn an_older_connection_that_goes_on() {
        says(163, "reached", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            let mut connection = scene.connection(MANAGE_443);
            connection.say(scene, Client, &application_data(80));
            connection.say(scene, Server, &application_data(300));
            connection.reset(scene, Server, None);
            scene.wait_and_see(5_000);
        });
    }
}

mod handshake {
    use super::*;

    #[test]
    fn reset_after_the_client_hello() {
        tls("blocked: rst_after_client_hello", |scene, connection| {
            connection.send(scene, Client, ACK, &client_hello(MANAGE));
            connection.reset(scene, Server, Some(64));
        });
    }

    #[test]
    fn reset_after_the_server_hello() {
        tls("blocked: rst_after_client_hello", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.reset(scene, Server, Some(64));
        });
    }

    #[test]
    fn reset_between_two_segments_of_the_client_hello() {
        tls("blocked: rst_after_client_hello", |scene, connection| {
            let hello = client_hello(MANAGE);
            let (first, second) = hello.split_at(150);
            connection.send(scene, Client, ACK, first);
            connection.reset(scene, Server, Some(64));
            connection.send(scene, Client, ACK, second);
        });
    }

    #[test]
    fn a_reset_that_comes_too_late() {
        tls("reached", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.segment(scene, Server, RST, 7, 0, &[], Some(64));
            connection.say(scene, Server, &server_flight());
            connection.exchange(scene);
            connection.close(scene);
        });
    }

    #[test]
    fn a_forged_reset_and_the_genuine_answer_after_it() {
        tls("blocked: rst_after_client_hello", |scene, connection| {
            connection.send(scene, Client, ACK, &client_hello(MANAGE));
            connection.reset(scene, Server, Some(64));
            connection.send(scene, Server, ACK, &server_flight()[..1_300]);
            connection.reset(scene, Client, None);
        });
    }

    #[test]
    fn closed_after_the_client_hello() {
        tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                connection.send(scene, Server, FIN | ACK, &[]);
                connection.send(scene, Client, FIN | ACK, &[]);
            },
        );
    }

    #[test]
    fn silence_after_the_client_hello() {
        tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                let hello = client_hello(MANAGE);
                for time in 0..4 {
                    connection.segment(scene, Client, ACK, 1_000_001, 2_000_001, &hello, None);
                    scene.wait(300 << time);
                }
            },
        );
    }

    #[test]
    fn large_packets_of_the_server_never_arrive() {
        // The capture is on the server's side of the narrow link: the certificate is sent again and again.
        tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                for time in 0..4 {
                    connection.segment(
                        scene,
                        Server,
                        ACK,
                        2_000_001,
                        1_000_001 + client_hello(MANAGE).len() as u32,
                        &server_flight()[..1_400],
                        None,
                    );
                    scene.wait(300 << time);
                }
            },
        );
        // The capture is on the device's side: only the small end of the flight comes through.
        tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                let acknowledged = 1_000_001 + client_hello(MANAGE).len() as u32;
                let flight = server_flight();
                connection.segment(
                    scene,
                    Server,
                    ACK,
                    2_000_001 + 1_400,
                    acknowledged,
                    &flight[1_400..1_600],
                    None,
                );
                connection.send(scene, Client, ACK, &[]);
                scene.wait(20_000);
                connection.send(scene, Client, FIN | ACK, &[]);
            },
        );
    }

    #[test]
    fn a_handshake_that_stops() {
        for modern in [true, false] {
            for leaves in [true, false] {
                tls(
                    "blocked: silence_after_client_hello",
                    |scene, connection| {
                        connection.say(scene, Client, &client_hello(MANAGE));
                        connection.say(scene, Server, &server_hello(modern));
                        scene.wait(10_000);
                        if leaves {
                            connection.send(scene, Client, FIN | ACK, &[]);
                        }
                    },
                );
            }
        }
        tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.hellos(scene, MANAGE);
                connection.send(scene, Server, FIN | ACK, &[]);
                connection.send(scene, Client, FIN | ACK, &[]);
            },
        );
    }

    #[test]
    fn a_spare_connection() {
        for side in [Some(Client), Some(Server), None] {
            tls("reached", |scene, connection| {
                connection.hellos(scene, MANAGE);
                connection.say(scene, Client, &finished());
                scene.wait(60_000);
                if let Some(side) = side {
                    connection.send(scene, side, FIN | ACK, &[]);
                }
            });
        }
    }

    #[test]
    fn an_icmp_error_about_the_client_hello() {
        tls("blocked: icmp_admin_prohibited", |scene, connection| {
            connection.send(scene, Client, ACK, &client_hello(MANAGE));
            scene.unreachable(3, 13);
            for time in 0..3 {
                scene.wait(300 << time);
                let hello = client_hello(MANAGE);
                connection.segment(scene, Client, ACK, 1_000_001, 2_000_001, &hello, None);
            }
        });
    }

    #[test]
    fn a_client_hello_too_large_for_the_way() {
        let report = tls(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                for time in 0..4 {
                    let hello = client_hello(MANAGE);
                    connection.segment(scene, Client, ACK, 1_000_001, 2_000_001, &hello, None);
                    scene.unreachable(3, 4);
                    scene.wait(300 << time);
                }
            },
        );
        let evidence = &endpoint_set(&report, 163).hosts[0].evidence;
        assert!(
            evidence.iter().any(|e| e.what.contains("too large")),
            "{evidence:?}"
        );
    }

    #[test]
    fn an_answer_that_is_no_tls() {
        for (answer, verdict, words) in [
            (
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".as_slice(),
                "blocked: tls_not_spoken",
                "answer in plain HTTP: HTTP/1.1 400 Bad Request",
            ),
            (
                b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
                "blocked: http_block_page",
                "answer in plain HTTP: HTTP/1.1 403 Forbidden",
            ),
            (
                b"\0\0\0\x2a not what was asked for",
                "blocked: tls_not_spoken",
                "answer that is no TLS",
            ),
        ] {
            let report = tls(verdict, |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                connection.say(scene, Server, answer);
                connection.close(scene);
            });
            let hosts = &endpoint_set(&report, 163).hosts;
            assert!(format!("{hosts:?}").contains(words), "{hosts:#?}");
        }
    }

    #[test]
    fn alerts_of_the_server() {
        for description in [40, 70, 80, 112] {
            tls("blocked: tls_server_alert", |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                connection.say(scene, Server, &alert(2, description));
                connection.send(scene, Server, FIN | ACK, &[]);
                connection.send(scene, Client, FIN | ACK, &[]);
            });
        }
    }

    #[test]
    fn a_warning_of_the_server() {
        tls("reached", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &[alert(1, 112), server_flight()].concat());
            connection.exchange(scene);
            connection.close(scene);
        });
    }

    #[test]
    fn alerts_of_the_client() {
        for (description, cause) in [
            (42, "tls_untrusted_issuer"),
            (43, "tls_client_abort"),
            (45, "tls_certificate_expired"),
            (46, "tls_untrusted_issuer"),
            (48, "tls_untrusted_issuer"),
        ] {
            for modern in [true, false] {
                tls(&format!("blocked: {cause}"), |scene, connection| {
                    connection.say(scene, Client, &client_hello(MANAGE));
                    connection.say(scene, Server, &server_hello(modern));
                    connection.say(scene, Client, &alert(2, description));
                    connection.send(scene, Client, FIN | ACK, &[]);
                });
            }
        }
    }

    /// It completes the handshake, looks at the name, says goodbye, and the server closes before it does.
    #[test]
    fn a_certificate_for_another_name() {
        let goodbye = [&[21, 3, 3, 0, 26][..], &[0x5a; 26]].concat();
        for (host, verdict) in [
            ("parked.example.net", "blocked: tls_client_abort"),
            (MANAGE, "reached"),
        ] {
            tls(verdict, |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                let certificate =
                    scene::certificate("DigiCert Inc", "DigiCert TLS RSA SHA256 2020 CA1", host);
                connection.say(scene, Server, &[server_hello(false), certificate].concat());
                connection.say(scene, Client, &encrypted_finished());
                connection.say(scene, Server, &encrypted_finished());
                connection.say(scene, Client, &goodbye);
                connection.send(scene, Server, FIN | ACK, &[]);
                connection.reset(scene, Client, None);
            });
        }
    }

    /// `certificate_unknown` says nothing of why; the certificate does.
    #[test]
    fn an_unspecific_alert_about_a_certificate() {
        let microsoft = (
            "Microsoft Corporation",
            "Microsoft Azure RSA TLS Issuing CA 03",
        );
        for ((organization, common_name), host, cause) in [
            (microsoft, MANAGE, "tls_certificate_expired"),
            (microsoft, "block.contoso.example", "tls_untrusted_issuer"),
            (
                ("Contoso", "Contoso Issuing CA 7"),
                MANAGE,
                "tls_untrusted_issuer",
            ),
        ] {
            tls(&format!("blocked: {cause}"), |scene, connection| {
                connection.say(scene, Client, &client_hello(MANAGE));
                let certificate = scene::certificate(organization, common_name, host);
                connection.say(scene, Server, &[server_hello(false), certificate].concat());
                connection.say(scene, Client, &alert(2, 46));
                connection.close(scene);
            });
        }
    }

    #[test]
    fn ways_to_leave_without_a_request() {
        let ways: [(&str, Vec<u8>, bool); 5] = [
            ("an encrypted alert", encrypted_alert(), true),
            ("Finished and FIN", finished(), true),
            ("FIN", vec![], true),
            ("RST", vec![], false),
            ("Finished and RST", finished(), false),
        ];
        for (way, last, finish) in ways {
            let report = tls("blocked: tls_client_abort", |scene, connection| {
                connection.hellos(scene, MANAGE);
                if !last.is_empty() {
                    connection.send(scene, Client, ACK, &last);
                }
                if finish {
                    connection.send(scene, Client, FIN | ACK, &[]);
                } else {
                    connection.reset(scene, Client, None);
                }
            });
            assert!(
                report
                    .flows
                    .iter()
                    .any(|flow| flow.outcome == "tls_client_abort"),
                "{way}"
            );
        }
    }

    #[test]
    fn the_server_resets_what_the_client_has_left() {
        // The client gives up on the certificate; what the server still sends meets a closed port.
        tls("blocked: tls_client_abort", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.send(scene, Client, FIN | ACK, &encrypted_alert());
            connection.send(scene, Server, ACK, &application_data(200));
            connection.reset(scene, Client, None);
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn tls_1_2() {
        tls("reached", |scene, connection| {
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &server_hello(false));
            connection.say(scene, Client, &encrypted_finished());
            connection.say(scene, Server, &encrypted_finished());
            connection.say(scene, Client, &application_data(200));
            connection.say(scene, Server, &application_data(700));
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn reset_after_the_answer_is_a_normal_end() {
        for side in [Client, Server] {
            tls("reached", |scene, connection| {
                connection.hellos(scene, MANAGE);
                connection.exchange(scene);
                connection.reset(scene, side, None);
            });
        }
    }

    /// Session tickets that cross the request are no answer to it.
    #[test]
    fn reset_after_the_request_beside_tickets() {
        let tickets = [application_data(250), application_data(250)].concat();
        let request = application_data(120);
        let unread = u32::try_from(request.len()).unwrap();
        tls("blocked: reset_before_response", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.send(scene, Client, ACK, &finished());
            connection.send(scene, Client, ACK, &request);
            connection.cross(scene, &tickets, unread);
            connection.reset(scene, Server, None);
        });
        // What acknowledges the request may answer it.
        tls("reached", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.send(scene, Client, ACK, &finished());
            connection.send(scene, Client, ACK, &request);
            connection.cross(scene, &tickets, unread);
            connection.send(scene, Server, ACK, &application_data(90));
            connection.reset(scene, Server, None);
        });
    }

    #[test]
    fn reset_or_silence_after_the_request() {
        tls("blocked: reset_before_response", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &[finished(), application_data(120)].concat());
            connection.reset(scene, Server, Some(64));
        });
        tls("blocked: no_response", |scene, connection| {
            connection.hellos(scene, MANAGE);
            connection.say(scene, Client, &[finished(), application_data(120)].concat());
        });
    }
}

mod web {
    use super::*;

    #[test]
    fn answers_of_the_server_itself() {
        http("reached", &page("200 OK", "", "content"));
        http(
            "reached",
            &page("404 Not Found", "Server: Microsoft-IIS/10.0\r\n", "no"),
        );
        http(
            "reached",
            &page(
                "403 Forbidden",
                "Server: AkamaiGHost\r\n",
                "<h1>Access Denied</h1>",
            ),
        );
        http(
            "reached",
            &page("503 Service Unavailable", "Server: Kestrel\r\n", ""),
        );
        http(
            "reached",
            &page(
                "302 Found",
                "Location: https://download.windowsupdate.com/x\r\n",
                "",
            ),
        );
        http("reached", "HTTP/1.1 304 Not Modified\r\n\r\n");
    }

    #[test]
    fn answers_of_a_filter() {
        let blocked = "blocked: http_block_page";
        http(
            blocked,
            &page(
                "302 Found",
                "Location: http://10.20.0.80/blocked?url=ctldl.windowsupdate.com\r\n",
                "",
            ),
        );
        http(
            blocked,
            &page(
                "302 Found",
                "Location: https://block.contoso.example/?u=http://ctldl.windowsupdate.com/\r\n",
                "",
            ),
        );
        http(
            blocked,
            &page(
                "403 Forbidden",
                "Server: FortiGuard\r\n",
                "<h1>Web Page Blocked!</h1>",
            ),
        );
        http(
            blocked,
            &page(
                "200 OK",
                "",
                "<html><title>Access denied</title>This page has been blocked by company policy. Web category: x</html>",
            ),
        );
        http(
            blocked,
            &page("511 Network Authentication Required", "", "log in"),
        );
    }

    /// What a connectivity probe of Windows gets: the verdict on its host and the proof.
    fn probe(response: &str) -> (String, String) {
        const PROBE: &str = "www.msftconnecttest.com";
        let report = report(|scene| {
            scene.resolve(PROBE, "23.55.163.60");
            let mut connection = scene.opened("23.55.163.60:80");
            let request = format!("GET /connecttest.txt HTTP/1.1\r\nHost: {PROBE}\r\n\r\n");
            connection.say(scene, Client, request.as_bytes());
            connection.say(scene, Server, response.as_bytes());
            connection.close(scene);
            scene.wait_and_see(5_000);
        });
        let hosts = report.clients.iter().flat_map(|c| &c.endpoint_sets);
        let mut hosts = hosts.flat_map(|set| &set.hosts);
        let host = hosts
            .find(|h| h.name == PROBE)
            .expect("the probe is listed");
        let proof = host.evidence.iter().map(|e| e.what.as_str());
        (host.verdict.clone(), proof.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_captive_portal() {
        let (verdict, _) =
            probe("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nMicrosoft Connect Test");
        assert_eq!(verdict, "reached");
        for response in [
            page("302 Found", "Location: http://portal.example/login\r\n", ""),
            page("200 OK", "", "<html>Welcome to our network</html>"),
        ] {
            let (verdict, proof) = probe(&response);
            assert_eq!(verdict, "blocked");
            assert!(proof.contains("captive portal"), "{proof}");
        }
    }

    #[test]
    fn reset_or_silence_after_the_request() {
        says(164, "blocked: rst_after_client_hello", |scene| {
            scene.resolve(UPDATE, UPDATE_IP);
            let mut connection = scene.opened(UPDATE_80);
            let request = format!("GET / HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
            connection.send(scene, Client, ACK, request.as_bytes());
            connection.reset(scene, Server, Some(64));
        });
        says(164, "blocked: silence_after_client_hello", |scene| {
            scene.resolve(UPDATE, UPDATE_IP);
            let mut connection = scene.opened(UPDATE_80);
            let request = format!("GET / HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
            connection.say(scene, Client, request.as_bytes());
            scene.wait_and_see(20_000);
        });
    }
}

/// Downloads over plain HTTP that end before their end.
mod downloads {
    use super::*;

    /// The beginning of an answer: its head, and `octets` of the 100 000 announced.
    fn part(connection: &mut Connection, scene: &mut Scene, octets: usize) {
        let request = format!("GET /x.cab HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
        connection.say(scene, Client, request.as_bytes());
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
        connection.say(scene, Server, &[head, vec![0x5a; octets]].concat());
    }

    #[track_caller]
    fn download(expected: &str, tell: impl FnOnce(&mut Scene)) -> Report {
        says(164, expected, |scene| {
            scene.resolve(UPDATE, UPDATE_IP);
            tell(scene);
        })
    }

    #[test]
    fn cut_by_the_servers_side() {
        let report = download("degraded: download_cut", |scene| {
            let mut connection = scene.opened(UPDATE_80);
            part(&mut connection, scene, 40_000);
            connection.reset(scene, Server, None);
            scene.wait_and_see(5_000);
        });
        let evidence = format!("{:?}", endpoint_set(&report, 164).hosts);
        assert!(
            evidence.contains("40000 of 100000 octets came"),
            "{evidence}"
        );
        // Again and again, after smaller ones that were whole.
        download("degraded: download_cut", |scene| {
            for _ in 0..3 {
                let mut connection = scene.opened(UPDATE_80);
                part(&mut connection, scene, 100_000);
                connection.close(scene);
            }
            for _ in 0..3 {
                let mut connection = scene.opened(UPDATE_80);
                part(&mut connection, scene, 40_000);
                connection.reset(scene, Server, None);
            }
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn taken_up_again() {
        for before in [0, 3] {
            download("reached", |scene| {
                for octets in [100_000, 40_000, 100_000]
                    .into_iter()
                    .skip(1 - before.min(1))
                {
                    let mut connection = scene.opened(UPDATE_80);
                    part(&mut connection, scene, octets);
                    if octets == 40_000 {
                        connection.reset(scene, Server, None);
                    } else {
                        connection.close(scene);
                    }
                }
                scene.wait_and_see(5_000);
            });
        }
    }
}

mod proxy {
    use super::*;

    fn connect(authorization: bool) -> String {
        let login = if authorization {
            "Proxy-Authorization: Basic eDp5\r\n"
        } else {
            ""
        };
        format!("CONNECT {MANAGE}:443 HTTP/1.1\r\nHost: {MANAGE}:443\r\n{login}\r\n")
    }

    const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

    fn refusal(status: &str) -> String {
        page(
            status,
            "Server: squid/6.1\r\nProxy-Authenticate: Basic realm=\"x\"\r\n",
            "no",
        )
    }

    #[track_caller]
    fn through(expected: &str, tell: impl FnOnce(&mut Scene, &mut Connection)) {
        says(163, expected, |scene| {
            let mut connection = scene.opened(PROXY);
            tell(scene, &mut connection);
            scene.wait_and_see(20_000);
        });
    }

    #[test]
    fn served() {
        through("reached", |scene, connection| {
            connection.say(scene, Client, connect(false).as_bytes());
            connection.say(scene, Server, OPEN.as_bytes());
            connection.serve(scene, MANAGE);
        });
    }

    #[test]
    fn refused() {
        let statuses = [
            ("407 Proxy Authentication Required", "proxy_auth_required"),
            ("403 Forbidden", "proxy_forbidden"),
            ("502 Bad Gateway", "proxy_bad_gateway"),
            ("503 Service Unavailable", "proxy_bad_gateway"),
            ("504 Gateway Timeout", "proxy_bad_gateway"),
        ];
        for (status, cause) in statuses {
            through(&format!("blocked: {cause}"), |scene, connection| {
                connection.say(scene, Client, connect(false).as_bytes());
                connection.say(scene, Server, refusal(status).as_bytes());
                connection.close(scene);
            });
            says(164, &format!("blocked: {cause}"), |scene| {
                let mut connection = scene.opened(PROXY);
                let request = format!("GET http://{UPDATE}/x HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
                connection.say(scene, Client, request.as_bytes());
                connection.say(scene, Server, refusal(status).as_bytes());
                connection.close(scene);
            });
        }
    }

    #[test]
    fn a_login_on_the_same_or_another_connection() {
        for same in [true, false] {
            through("reached", |scene, connection| {
                connection.say(scene, Client, connect(false).as_bytes());
                connection.say(
                    scene,
                    Server,
                    refusal("407 Proxy Authentication Required").as_bytes(),
                );
                let mut another;
                let connection = if same {
                    connection
                } else {
                    connection.close(scene);
                    another = scene.opened(PROXY);
                    &mut another
                };
                connection.say(scene, Client, connect(true).as_bytes());
                connection.say(scene, Server, OPEN.as_bytes());
                connection.serve(scene, MANAGE);
            });
        }
    }

    #[test]
    fn reset_and_silence() {
        through("blocked: rst_after_client_hello", |scene, connection| {
            connection.send(scene, Client, ACK, connect(false).as_bytes());
            connection.reset(scene, Server, None);
        });
        through(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, connect(false).as_bytes());
                scene.wait(15_000);
            },
        );
    }

    /// What the finding about an unreachable proxy says after `tell`, with its severity.
    fn unreachable(tell: impl FnOnce(&mut Scene)) -> String {
        let report = report(|scene| {
            tell(scene);
            scene.wait_and_see(20_000);
        });
        let mut findings = report.findings.iter();
        findings
            .find(|finding| finding.code == "proxy_unreachable")
            .map_or("nothing".to_owned(), |finding| {
                format!("{}: {}", finding.severity, finding.summary)
            })
    }

    fn refuse(scene: &mut Scene, times: u32) {
        for _ in 0..times {
            let mut connection = scene.connection(PROXY);
            connection.syn(scene);
            connection.send(scene, Server, RST | ACK, &[]);
            scene.wait(2_000);
        }
    }

    fn ask(scene: &mut Scene, connection: &mut Connection) {
        connection.say(scene, Client, connect(false).as_bytes());
        connection.say(scene, Server, OPEN.as_bytes());
        connection.serve(scene, MANAGE);
    }

    #[test]
    fn dead() {
        let dead = "critical: 3 connections to the proxy 10.20.0.8:3128";
        // It was asked before.
        let said = unreachable(|scene| {
            let mut connection = scene.opened(PROXY);
            ask(scene, &mut connection);
            refuse(scene, 3);
        });
        assert_eq!(
            said,
            format!("{dead}: connection attempts are answered by a reset")
        );
        // Another device asks it.
        let said = unreachable(|scene| {
            for _ in 0..3 {
                scene.connection(PROXY).syns(scene, 3);
            }
            let mut other = scene.connection(PROXY);
            other.client = socket("10.20.0.15:50900");
            other.open(scene);
            ask(scene, &mut other);
        });
        assert_eq!(
            said,
            format!("{dead}: connection attempts are dropped in silence")
        );
        // Its name says what it is.
        let said = unreachable(|scene| {
            scene.resolve("proxy.contoso.example", "10.20.0.8");
            refuse(scene, 2);
        });
        assert!(
            said.starts_with(
                "critical: 2 connections to the proxy 10.20.0.8:3128 (proxy.contoso.example)"
            ),
            "{said}"
        );
        // Nothing but its port tells.
        let said = unreachable(|scene| refuse(scene, 3));
        assert!(
            said.starts_with("information: 3 connections to 10.20.0.8:3128, which may be a proxy"),
            "{said}"
        );
    }

    #[test]
    fn without_a_way_out() {
        let said = unreachable(|scene| {
            for name in [MANAGE, "login.live.com"] {
                let mut connection = scene.opened(PROXY);
                let request = format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n");
                connection.say(scene, Client, request.as_bytes());
                connection.say(scene, Server, refusal("503 Service Unavailable").as_bytes());
                connection.close(scene);
            }
        });
        assert!(
            said.starts_with("warning: the proxy 10.20.0.8:3128 fails for every host"),
            "{said}"
        );
    }

    #[test]
    fn one_of_several_that_fails() {
        let second = "10.20.0.9:3128";
        // The device goes on to the next one.
        let said = unreachable(|scene| {
            let mut connection = scene.opened(PROXY);
            ask(scene, &mut connection);
            for _ in 0..2 {
                refuse(scene, 1);
                let mut connection = scene.opened(second);
                ask(scene, &mut connection);
            }
        });
        assert!(said.starts_with("information: "), "{said}");
        // It works again.
        let said = unreachable(|scene| {
            refuse(scene, 3);
            let mut connection = scene.opened(PROXY);
            ask(scene, &mut connection);
        });
        assert_eq!(said, "nothing");
        // A moment's trouble at the end.
        let said = unreachable(|scene| {
            let mut connection = scene.opened(PROXY);
            ask(scene, &mut connection);
            refuse(scene, 2);
        });
        assert!(said.starts_with("information: "), "{said}");
        // A service of another kind that is not there, and a device that works.
        let said = unreachable(|scene| {
            refuse(scene, 5);
            scene.resolve(MANAGE, MANAGE_IP);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
            refuse(scene, 5);
        });
        assert_eq!(said, "nothing");
    }

    #[test]
    fn reset_and_silence_inside_the_tunnel() {
        through("blocked: rst_after_client_hello", |scene, connection| {
            connection.say(scene, Client, connect(false).as_bytes());
            connection.say(scene, Server, OPEN.as_bytes());
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.reset(scene, Server, None);
        });
        through(
            "blocked: silence_after_client_hello",
            |scene, connection| {
                connection.say(scene, Client, connect(false).as_bytes());
                connection.say(scene, Server, OPEN.as_bytes());
                connection.say(scene, Client, &client_hello(MANAGE));
                connection.send(scene, Server, FIN | ACK, &[]);
                connection.send(scene, Client, FIN | ACK, &[]);
            },
        );
    }
}

mod names {
    use super::*;

    #[test]
    fn lookups_that_fail() {
        for (code, cause) in [(2, "dns_servfail"), (3, "dns_nxdomain"), (5, "dns_refused")] {
            says(163, &format!("blocked: {cause}"), |scene| {
                scene.lookup(MANAGE, 1, code, None, &[]);
                scene.lookup(MANAGE, 28, code, None, &[]);
                scene.wait_and_see(5_000);
            });
        }
        says(163, "blocked: dns_no_answer", |scene| {
            scene.question(MANAGE, 1, 3);
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn addresses_that_lead_nowhere() {
        for address in ["0.0.0.0", "127.0.0.1"] {
            says(163, "blocked: dns_sinkhole", |scene| {
                scene.resolve(MANAGE, address);
                scene.wait_and_see(5_000);
            });
        }
        says(163, "blocked: dns_sinkhole", |scene| {
            scene.resolve(MANAGE, "0.0.0.0");
            scene.lookup(MANAGE, 28, 0, None, &["::"]);
            scene.wait_and_see(5_000);
        });
    }

    #[test]
    fn a_block_page_by_name() {
        says(163, "blocked: dns_block_page", |scene| {
            scene.lookup(MANAGE, 1, 0, Some("block.contoso.example"), &["10.20.0.80"]);
            let mut connection = scene.opened("10.20.0.80:443");
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &alert(2, 112));
            connection.send(scene, Server, FIN | ACK, &[]);
            connection.send(scene, Client, FIN | ACK, &[]);
        });
    }

    /// A filter's page: plain HTTP for anybody, a certificate that nobody takes, and names that have nothing in common.
    #[test]
    fn a_block_page_for_unrelated_names() {
        let page = page("200 OK", "", "<html>This site is blocked.</html>");
        let tell = |scene: &mut Scene| {
            for name in [UPDATE, MANAGE] {
                scene.lookup(name, 1, 0, None, &["10.20.0.80"]);
            }
            let mut connection = scene.opened("10.20.0.80:80");
            let request = format!("GET /msdownload/x.cab HTTP/1.1\r\nHost: {UPDATE}\r\n\r\n");
            connection.say(scene, Client, request.as_bytes());
            connection.say(scene, Server, page.as_bytes());
            connection.close(scene);
            let mut connection = scene.opened("10.20.0.80:443");
            connection.say(scene, Client, &client_hello(MANAGE));
            connection.say(scene, Server, &server_hello(false));
            connection.say(scene, Client, &alert(2, 48));
            connection.close(scene);
            scene.wait_and_see(5_000);
        };
        says(163, "blocked: dns_block_page", tell);
        says(164, "blocked: dns_block_page", tell);
    }

    #[test]
    fn a_question_asked_again_after_a_long_silence() {
        says(163, "blocked: dns_no_answer", |scene| {
            let from = scene.question(MANAGE, 1, 1);
            scene.wait(2_100);
            scene.datagram(
                from,
                socket("10.20.0.1:53"),
                &scene::query_message(MANAGE, 1),
            );
            scene.wait_and_see(500);
        });
    }

    #[test]
    fn two_resolvers_that_fail_just_before_the_end() {
        says(163, "blocked: dns_servfail", |scene| {
            scene.lookup(MANAGE, 1, 2, None, &[]);
            scene.lookup(MANAGE, 1, 5, None, &[]);
            scene.wait_and_see(500);
        });
    }

    #[test]
    fn a_fault_that_does_not_last() {
        says(163, "reached", |scene| {
            scene.lookup(MANAGE, 1, 2, None, &[]);
            scene.wait(1_000);
            scene.resolve(MANAGE, MANAGE_IP);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
    }

    #[test]
    fn one_family_fails() {
        // A works, AAAA does not.
        for code in [2, 3] {
            says(163, "reached", |scene| {
                scene.resolve(MANAGE, MANAGE_IP);
                scene.lookup(MANAGE, 28, code, None, &[]);
                scene.opened(MANAGE_443).serve(scene, MANAGE);
            });
            says(163, "never_reached", |scene| {
                scene.resolve(MANAGE, MANAGE_IP);
                scene.lookup(MANAGE, 28, code, None, &[]);
                scene.wait_and_see(5_000);
            });
        }
        // AAAA works, A does not, and the device has no IPv6.
        says(163, "blocked: dns_servfail", |scene| {
            scene.lookup(MANAGE, 1, 2, None, &[]);
            scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
            scene.wait_and_see(5_000);
        });
        // The same with IPv6.
        says(163, "reached", |scene| {
            scene.lookup(MANAGE, 1, 2, None, &[]);
            scene.lookup(MANAGE, 28, 0, None, &[MANAGE_V6]);
            scene.opened(MANAGE_V6_443).serve(scene, MANAGE);
        });
    }

    #[test]
    fn another_resolver_answers() {
        let report = says(163, "reached", |scene| {
            let from = scene.question(MANAGE, 1, 1);
            scene.wait(1_000);
            scene.datagram(
                from,
                socket("10.20.0.2:53"),
                &scene::query_message(MANAGE, 1),
            );
            scene.datagram(
                socket("10.20.0.2:53"),
                from,
                &scene::answer_message(MANAGE, 1, &[MANAGE_IP]),
            );
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
        assert!(report.lookups.iter().any(|lookup| lookup.outcome == "ok"));
    }

    #[test]
    fn an_answer_too_long_for_udp() {
        let resolver = "10.20.0.1:53";
        let ask = |scene: &mut Scene| {
            let from = scene.question(MANAGE, 1, 1);
            let answer = scene::truncated_answer(MANAGE, 1);
            scene.datagram(socket(resolver), from, &answer);
        };
        says(163, "reached", |scene| {
            ask(scene);
            let mut tcp = scene.opened(resolver);
            tcp.say(
                scene,
                Client,
                &scene::over_tcp(scene::query_message(MANAGE, 1)),
            );
            tcp.say(
                scene,
                Server,
                &scene::over_tcp(scene::answer_message(MANAGE, 1, &[MANAGE_IP])),
            );
            tcp.close(scene);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
        });
        // The same where the way over TCP is closed: the answer that was sent says only that it has to be asked for there.
        says(163, "blocked: dns_no_answer", |scene| {
            ask(scene);
            scene.connection(resolver).syns(scene, 4);
            scene.wait_and_see(5_000);
        });
        // The capture ends before anything could have come back.
        says(163, "inconclusive", |scene| {
            ask(scene);
            scene.connection(resolver).syns(scene, 1);
            scene.wait_and_see(500);
        });
    }
}

mod time {
    use super::*;

    #[track_caller]
    fn asked(expected: &str, tell: impl FnOnce(&mut Scene)) {
        says(165, expected, |scene| {
            scene.resolve(TIME, TIME_IP);
            tell(scene);
            scene.wait_and_see(5_000);
        });
    }

    fn ends() -> (std::net::SocketAddr, std::net::SocketAddr) {
        (socket("10.20.0.14:123"), socket("40.119.6.228:123"))
    }

    #[test]
    fn answered_or_not() {
        let (device, server) = ends();
        asked("reached", |scene| {
            scene.datagram(device, server, &ntp(3));
            scene.datagram(server, device, &ntp(4));
        });
        asked("blocked: ntp_no_reply", |scene| {
            scene.datagram(device, server, &ntp(3));
        });
        asked("blocked: icmp_port_unreachable", |scene| {
            scene.datagram(device, server, &ntp(3));
            scene.unreachable(3, 3);
        });
        asked("blocked: icmp_admin_prohibited", |scene| {
            scene.datagram(device, server, &ntp(3));
            scene.unreachable(3, 10);
        });
    }

    #[test]
    fn answered_in_the_end() {
        let (device, server) = ends();
        asked("reached", |scene| {
            scene.datagram(device, server, &ntp(3));
            scene.wait(4_000);
            scene.datagram(device, server, &ntp(3));
            scene.datagram(server, device, &ntp(4));
        });
    }
}

mod vantage {
    use super::*;

    #[test]
    fn a_proxy_is_named() {
        let report = says(163, "reached", |scene| {
            let mut connection = scene.opened(PROXY);
            let request = format!("CONNECT {MANAGE}:443 HTTP/1.1\r\nHost: {MANAGE}:443\r\n\r\n");
            connection.say(scene, Client, request.as_bytes());
            connection.say(
                scene,
                Server,
                b"HTTP/1.1 200 Connection established\r\n\r\n",
            );
            connection.serve(scene, MANAGE);
        });
        assert!(named(&report).contains(&"explicit_proxy"));
    }

    #[test]
    fn devices_that_share_an_address_are_named() {
        let report = says(163, "reached", |scene| {
            scene.resolve(MANAGE, MANAGE_IP);
            scene.opened(MANAGE_443).serve(scene, MANAGE);
            let mut other = scene.connection(MANAGE_443);
            other.client_hops(127);
            other.open(scene);
            other.serve(scene, MANAGE);
        });
        assert!(named(&report).contains(&"shared_addresses"));
    }
}
