"""The catalogue of bad input, and where each of its families is tried: every line of it is somebody's test.

A family is named by a letter and a number. Where it is tried by cases of their own, each of these is named by it, as in
`test_frames[F4 127 for 20]`; tests that do it in another way are named here. Origins and credentials (O) have their
tests with the tokens; what comes from other machines (N) has none yet.
"""

COUNTS = {"H": 30, "B": 20, "U": 18, "F": 20, "J": 17, "S": 15, "A": 15, "T": 21, "E": 18, "C": 14, "R": 10}
FAMILIES = [f"{group}{number}" for group, count in COUNTS.items() for number in range(1, count + 1)]

_HEADERS = "tests/endpoints/test_hostile_headers.py"
_BODIES = "tests/endpoints/test_hostile_bodies.py"
_HANDSHAKES = "tests/endpoints/test_hostile_handshakes.py"
_FRAMES = "tests/endpoints/test_hostile_frames.py"
_MESSAGES = "tests/endpoints/test_hostile_messages.py"
_STREAMS = "tests/endpoints/test_hostile_streams.py"
_LINES = "tests/endpoints/test_hostile_lines.py"
_OPERATION = "tests/test_hostile_operation.py"
_CHANCE = "tests/endpoints/test_hostile_chance.py"

ELSEWHERE = {
    "H14": [f"{_HEADERS}::test_parameters_that_are_none"],
    "H20": [f"{_HEADERS}::test_a_head_has_so_many_bytes_and_no_more"],
    "H29": [f"{_HEADERS}::test_tags_that_match_and_tags_that_do_not"],
    "H30": [f"{_HEADERS}::test_last_event_ids"],
    "B6": [f"{_BODIES}::test_a_body_that_does_not_come"],
    "B10": [f"{_BODIES}::test_trailers_are_not_headers"],
    "B15": [f"{_BODIES}::test_an_endless_body_is_cut_off"],
    "B18": [f"{_BODIES}::test_requests_behind_one_that_waits"],
    "B20": [
        f"{_BODIES}::test_bytes_that_come_while_a_poll_waits",
        f"{_BODIES}::test_bytes_that_come_while_events_flow",
    ],
    "U8": [f"{_HANDSHAKES}::test_windows_that_are_none"],
    "U9": [f"{_HANDSHAKES}::test_offers_that_are_no_list"],
    "U12": [f"{_HANDSHAKES}::test_a_handshake_cut_anywhere", f"{_HANDSHAKES}::test_a_handshake_that_stops_anywhere"],
    "U13": [f"{_HANDSHAKES}::test_a_second_handshake"],
    "U14": [f"{_HANDSHAKES}::test_a_handshake_after_requests"],
    "U15": [
        f"{_BODIES}::test_an_upgrade_does_not_wait_behind_a_poll",
        f"{_HANDSHAKES}::test_a_handshake_after_requests",
    ],
    "U17": [f"{_HANDSHAKES}::test_crowds_that_leave_before_they_are_answered"],
    "U18": [f"{_HANDSHAKES}::test_who_is_answered_and_resets"],
    "F11": [f"{_FRAMES}::test_a_close_and_no_end"],
    "F12": [f"{_FRAMES}::test_a_close_while_the_transport_is_full"],
    "F13": [f"{_FRAMES}::test_frames_cut_anywhere", f"{_FRAMES}::test_empty_messages"],
    "F14": [f"{_FRAMES}::test_control_frames_in_thousands", f"{_FRAMES}::test_pings_whose_answers_are_not_read"],
    "F15": [f"{_FRAMES}::test_control_frames_in_thousands", f"{_FRAMES}::test_frames_that_do_not_end"],
    "F16": [f"{_FRAMES}::test_empty_messages"],
    "F20": [f"{_FRAMES}::test_frames_that_do_not_end"],
    "S3": [f"{_MESSAGES}::test_leaving_while_ticks_flow"],
    "S4": [f"{_MESSAGES}::test_coming_and_going"],
    "S5": [f"{_MESSAGES}::test_subscribing_and_hanging_up"],
    "S8": [f"{_MESSAGES}::test_positions_on_the_tape_and_off_it"],
    "S9": [f"{_MESSAGES}::test_resuming_again_and_again"],
    "S10": [f"{_MESSAGES}::test_limits_of_history", f"{_MESSAGES}::test_pasts_that_are_none"],
    "S11": [f"{_MESSAGES}::test_two_that_go_on_from_one_position"],
    "S12": [
        f"{_MESSAGES}::test_who_was_not_asked_to_say_who_it_is",
        "tests/endpoints/test_token_ends.py::test_everything_ends_when_its_token_expires",
    ],
    "S13": [f"{_MESSAGES}::test_going_on_from_the_end_that_is_cut_off"],
    "S15": [f"{_MESSAGES}::test_subscribing_acknowledging_and_leaving_in_one_packet"],
    "A5": [f"{_MESSAGES}::test_acks_of_what_was_merged"],
    "A6": [
        f"{_MESSAGES}::test_acks_in_every_manner",
        "tests/endpoints/test_credit.py::test_an_ack_between_two_messages_frees_the_first",
    ],
    "A7": ["tests/endpoints/test_overdue.py::test_an_ack_after_the_deadline_is_as_good_as_one_before"],
    "A8": [f"{_MESSAGES}::test_acks_in_every_manner", "tests/endpoints/test_credit.py::test_an_ack_always_one_behind"],
    "A9": [
        f"{_MESSAGES}::test_acks_in_every_manner",
        "tests/endpoints/test_credit.py::test_a_window_may_be_made_larger",
    ],
    "A10": [f"{_MESSAGES}::test_no_credit_for_anything_but_ticks"],
    "A11": [f"{_MESSAGES}::test_acks_in_thousands"],
    "A12": [f"{_MESSAGES}::test_an_ack_in_pieces"],
    "A13": ["tests/endpoints/test_credit.py::test_acks_of_a_reader_that_does_not_read"],
    "A14": [
        f"{_MESSAGES}::test_an_ack_of_a_tape_that_is_no_more",
        "tests/endpoints/test_resume_everywhere.py::test_a_restarted_server_does_not_pretend",
    ],
    "T1": [f"{_LINES}::test_who_says_nothing"],
    "T2": [f"{_LINES}::test_who_hangs_up_after_any_byte", f"{_LINES}::test_who_hangs_up_in_a_frame"],
    "T3": [f"{_LINES}::test_half_closes"],
    "T4": [f"{_LINES}::test_who_reads_nothing", f"{_LINES}::test_who_reads_slowly"],
    "T5": [f"{_LINES}::test_who_stops_reading"],
    "T6": [
        f"{_LINES}::test_a_client_that_is_stopped_and_goes_on",
        "tests/endpoints/test_keepalive.py::test_a_client_that_is_frozen_is_cut_off",
    ],
    "T7": [f"{_LINES}::test_what_is_lost_on_the_way", f"{_LINES}::test_what_is_held_up_on_the_way"],
    "T8": [f"{_LINES}::test_lines_that_are_slow"],
    "T9": [f"{_LINES}::test_connections_one_after_the_other", f"{_LINES}::test_connections_at_once"],
    "T10": [f"{_LINES}::test_a_queue_before_a_server_that_does_not_run"],
    "T11": [f"{_LINES}::test_many_addresses", f"{_LINES}::test_one_port_again_and_again"],
    "T12": [f"{_LINES}::test_an_address_that_changes"],
    "T13": [f"{_LINES}::test_urgent_data"],
    "T14": [f"{_LINES}::test_a_byte_a_segment"],
    "T15": [f"{_LINES}::test_bursts_and_pauses", f"{_LINES}::test_bursts_of_frames"],
    "T16": [f"{_LINES}::test_who_leaves_without_having_read"],
    "T17": [
        "tests/test_machine.py::TestMachine::runTest",
        "tests/test_clock.py::test_lag_says_how_late_the_last_beat_was",
    ],
    "T18": [f"{_OPERATION}::test_few_descriptors", f"{_OPERATION}::test_little_memory"],
    "T19": [
        f"{_LINES}::test_a_server_that_was_stopped",
        "tests/test_server.py::test_a_loop_that_was_blocked_makes_up_for_a_little_and_skips_more",
    ],
    "T20": [f"{_OPERATION}::test_the_newer_internet"],
    "T21": [f"{_LINES}::test_buffers_of_the_kernel"],
    "E1": [f"{_STREAMS}::test_whatever_is_accepted_events_are_sent"],
    "E2": [f"{_STREAMS}::test_a_storm_of_readers_that_come_back"],
    "E3": [f"{_STREAMS}::test_readers_that_come_back_too_late"],
    "E4": [f"{_STREAMS}::test_a_second_request_on_the_same_connection"],
    "E5": [
        f"{_STREAMS}::test_events_asked_for_by_head",
        "tests/endpoints/test_proxies.py::test_nginx_holds_events_back_where_it_does_not_listen",
    ],
    "E6": [
        f"{_LINES}::test_who_reads_nothing",
        "tests/endpoints/test_sse.py::test_a_reader_that_falls_off_the_tape_is_told_what_it_lost",
    ],
    "E7": [f"{_STREAMS}::test_a_hundred_readers_from_one_address"],
    "E8": [f"{_HEADERS}::test_symbols_that_are_none"],
    "E9": [f"{_HEADERS}::test_waits_that_are_none", f"{_HEADERS}::test_waits_that_are_short"],
    "E10": [f"{_STREAMS}::test_polls_from_the_future", f"{_STREAMS}::test_a_crowd_that_waits_for_one_symbol"],
    "E11": [f"{_STREAMS}::test_who_waits_and_hangs_up"],
    "E12": [f"{_STREAMS}::test_polls_that_wait_behind_one_another"],
    "E13": [f"{_STREAMS}::test_polls_as_fast_as_they_are_answered", f"{_STREAMS}::test_polls_that_would_not_be_cached"],
    "E14": [f"{_STREAMS}::test_polls_for_many_symbols"],
    "E15": [f"{_HEADERS}::test_parameters_that_are_none"],
    "E16": [
        f"{_HEADERS}::test_a_preflight_of_a_friend_is_told_what_there_is",
        f"{_HEADERS}::test_strangers_read_nothing",
    ],
    "E17": [f"{_STREAMS}::test_events_over_http_1_0"],
    "E18": [f"{_STREAMS}::test_parts_of_answers", f"{_HEADERS}::test_options_name_the_methods"],
    "C2": [f"{_OPERATION}::test_addresses_that_cannot_be_had", f"{_OPERATION}::test_ports_that_cannot_be_had"],
    "C3": [
        f"{_OPERATION}::test_certificates_that_are_none",
        "tests/tls/test_tls_files.py::test_every_other_file_is_named",
    ],
    "C7": [f"{_OPERATION}::test_signals_that_stop_it", f"{_OPERATION}::test_signals_while_it_starts"],
    "C8": [f"{_OPERATION}::test_a_log_that_cannot_be_written", f"{_OPERATION}::test_a_greeting_that_cannot_be_written"],
    "C10": [f"{_OPERATION}::test_a_loop_that_is_not_there", f"{_OPERATION}::test_libraries_that_need_not_be_there"],
    "C12": [f"{_OPERATION}::test_metrics_as_often_as_one_likes"],
    "C13": [f"{_OPERATION}::test_two_at_one_port"],
    "C14": [f"{_OPERATION}::test_process_number_one", f"{_OPERATION}::test_a_folder_that_cannot_be_written"],
    "R1": [f"{_CHANCE}::test_heads_that_chance_makes"],
    "R2": ["tests/endpoints/test_reading.py::test_any_split_of_any_frames_is_heard_alike"],
    "R3": [f"{_CHANCE}::test_sessions_that_chance_has_changed"],
    "R4": ["tests/endpoints/test_chunks.py::test_any_cuts_change_nothing"],
    "R5": ["tests/test_machine.py::TestMachine::runTest"],
    "R6": ["tests/test_machine.py::TestMachine::runTest"],
    "R8": [f"{_CHANCE}::test_some_behave_badly_all_the_time"],
    "R9": ["tests/clients/test_transports.py"],
    "R10": [f"{_FRAMES}::test_frames"],
}
