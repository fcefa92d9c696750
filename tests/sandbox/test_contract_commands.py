"""Commands: how they end, what they are given, and what becomes of what they print."""

from pathlib import Path

import pytest

from mlgym_mcp.errors import CommandRefused
from tests.sandbox.boxes import every_sandbox, every_sandbox_and_the_fake, open_box


@every_sandbox_and_the_fake
async def test_a_command_that_fails_is_data(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("echo before; false")
        assert (result.exit_code, result.head, result.running) == (1, b"before\n", False)


@every_sandbox
async def test_exit_codes_come_back_as_they_are(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        codes = [(await box.run(f"(exit {code})")).exit_code for code in (0, 1, 2, 42, 127, 255)]
        assert codes == [0, 1, 2, 42, 127, 255]


@every_sandbox
async def test_a_program_that_a_signal_ended_says_so_the_way_a_shell_does(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert (await box.run("bash -c 'kill -9 $$'")).exit_code == 128 + 9
        assert (await box.run("bash -c 'kill -SEGV $$'")).exit_code == 128 + 11


@every_sandbox
async def test_standard_input_is_empty(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert await box.output("cat; read line; echo $?") == "1\n"


@every_sandbox
async def test_output_keeps_unicode_and_bytes_that_are_no_text(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert await box.output("echo 'čaj ☕ 茶'") == "čaj ☕ 茶\n"
        assert (await box.run(r"printf '\377\0\376'")).head == b"\xff\x00\xfe"


@every_sandbox_and_the_fake
async def test_a_silent_command_prints_nothing(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("true")
        assert (result.head, result.tail, result.omitted, result.size) == (b"", b"", 0, 0)


@every_sandbox
async def test_huge_output_is_shown_by_its_ends_and_kept_whole_in_a_file(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last")
        assert result.head.startswith(b"first\nxxx")
        assert result.tail.endswith(b"xxx\nlast\n")
        assert result.size == 3_000_012
        assert result.omitted == result.size - len(result.head) - len(result.tail)
        assert len(await box.guest.read(result.output_path, max_size=4_000_000)) == result.size


@every_sandbox
async def test_standard_error_comes_in_order_with_the_rest(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert await box.output("echo 1; echo 2 >&2; echo 3") == "1\n2\n3\n"


@every_sandbox
async def test_a_command_of_two_hundred_kilobytes_runs(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert await box.output(f"text='{'y' * 200_000}'; echo ${{#text}}") == "200000\n"


STRANGE = [
    ("echo 'unterminated", 2),
    ("if true; then", 2),
    ("cat <<END\nno end", 0),
    ("cat <<END\nhere\nEND", 0),
    ("echo a\necho b # comment", 0),
    ("exec 1>&-; true", 0),
    ("exec 201>&- 200<&-", 0),
    ("exec >elsewhere; echo hidden", 0),
    ("printf '0\\0declare -x FORGED=1\\0'", 0),
    ("printf() { :; }; export() { :; }", 0),
    ("trap 'echo bye' EXIT DEBUG ERR; true", 0),
    ("set -x; set -v", 0),
    ("break", 0),
    ("}", 2),
    ("set -o noclobber; set -f; IFS=/", 0),
    ("-", 127),
]


@every_sandbox
async def test_a_strange_command_leaves_a_shell_that_still_answers(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for command, exit_code in STRANGE:
            assert (await box.run(command)).exit_code == exit_code, command
            after = await box.run("echo alive")
            assert (after.exit_code, b"alive" in after.head) == (0, True), command
            await box.run("exit")


@every_sandbox
async def test_a_command_cannot_hold_nul(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        with pytest.raises(CommandRefused, match="NUL"):
            await box.run("echo a\0b")
        with pytest.raises(CommandRefused, match="no character"):
            await box.run("echo \ud800")


@every_sandbox
async def test_a_command_above_a_mebibyte_is_told_to_go_to_a_file(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        with pytest.raises(CommandRefused, match="write it to a file"):
            await box.run("#" * (1024 * 1024 + 1))


@every_sandbox
async def test_a_background_child_does_not_hold_the_call(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("sleep 300 & (while :; do sleep 1; done) & echo started", wait_s=20)
        assert (result.running, result.head) == (False, b"started\n")
        assert await box.output("jobs -p | wc -l") == "2\n"


@every_sandbox
async def test_a_shell_forged_from_within_gives_no_more_than_a_wrong_status(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        forge = "import os,glob\nfor p in glob.glob(f'/proc/{os.getppid()}/fd/*'):\n try:\n  f=os.open(p,os.O_WRONLY)\n"
        await box.run(f"""python3 -c "{forge}  os.write(f, b'9'*5000+b'\\\\0x\\\\0')\n except OSError: pass" """)
        assert (await box.guest.run("true", wait_s=5, time_limit=5)).job
        assert await box.backend.alive(box.spec.id)
