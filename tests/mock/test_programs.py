"""The mock's own programs: what they do, and what they say when they are used wrongly."""

from __future__ import annotations

import pytest

from .conftest import Run

WORKS = [
    ("sleep 0 0s 0m; sleep 0.01", ""),
    ("env -u A printenv A || echo gone", "gone\n"),
    ("env -i A=b env", "A=b\n"),
    ("env A=b -- true 2>/dev/null || echo no", "no\n"),
    ("id", "uid=0(root) gid=0(root) groups=0(root)\n"),
    ("id -un; id -gn; id -u; id -g", "root\nroot\n0\n0\n"),
    ("sleep 60 & kill -s TERM $!; wait $!; echo $?", "143\n"),
    ("sleep 60 & kill -9 $!; wait $!; echo $?", "137\n"),
    ("printf '%s-%d-%i-%o-%x-%X-%c-%%\\n' a 1 2 8 255 255 xyz", "a-1-2-10-ff-FF-x-%\n"),
    ("printf '%q\\n' x 2>/dev/null || echo unknown", "unknown\n"),
    ("printf '\\101\\n%b\\n' '\\0101\\n'", "A\nA\n\n"),
    ("printf '%s\\n'", "\n"),
    ("printf '%d\\n' x 2>/dev/null; echo $?", "0\n1\n"),
    ("seq 5 -2 1; seq 3 1; seq 2", "5\n3\n1\n1\n2\n"),
    (
        "printf '1\\n2\\n3\\n' > f; tail -n +2 f; tail -c +5 f; head -n 1 f; wc f; wc -l f; rm f",
        "2\n3\n3\n1\n3 3 6 f\n3 f\n",
    ),
    ("printf ab > f; cat f - < f; rm f", "abab"),
    ("mkdir -m 700 d; stat -c '%a %A %F %n' d; rm -r d", "700 drwx------ directory d\n"),
    (
        "touch a b; chown 5:6 a; chown dev:dev b; stat -c '%u:%g %U:%G' a b; rm a b",
        "5:6 UNKNOWN:UNKNOWN\n1000:1000 dev:dev\n",
    ),
    ("mkdir -p d/e; touch d/e/f; chown -R 7 d; chmod -R go= d; stat -c '%u %a' d/e/f; rm -rf d", "7 600\n"),
    (
        "touch f; ls -l f | { read mode links owner group size rest; echo $mode $owner $size; }; ls -d .; rm f",
        "-rw-r--r-- root 0\n.\n",
    ),
    ("mkdir d; touch d/.h d/v; ls d; ls -a d; ls -A1 d; rm -r d", "v\n.\n..\n.h\nv\n.h\nv\n"),
    ("touch -- -f; ls -- -f; rm -- -f", "-f\n"),
    ("[ a ] && [ ! '' ] && [ ! a = b -a b = b ] && ! [ a = b -o '' ] && echo ok", "ok\n"),
    ("[ -t 0 ] || [ -c /dev/null ] && echo device", "device\n"),
    ("cat /dev/zero | head -c 3 | wc -c; echo x > /dev/null; head -c 8 /dev/urandom | wc -c", "3\n8\n"),
    ("echo x > /dev/full 2>/dev/null || echo full", "full\n"),
    ("cat /proc/self/comm; cat /proc/1/comm", "cat\ndocker-init\n"),
    ("cat /proc/version | wc -l; [ -r /proc/meminfo ] && [ -r /proc/uptime ] && echo known", "1\nknown\n"),
    ('cat /etc/hostname | wc -c; [ "$HOSTNAME" = "$(cat /etc/hostname)" ] && echo same', "13\nsame\n"),
]

FAILS = [
    ("sleep", "missing operand"),
    ("sleep -1", "invalid number"),
    ("sleep 1x", "invalid number"),
    ("env -Q", "unrecognized option"),
    ("env no-such-program", "no-such-program"),
    ("kill -NOPE 1", "bad signal"),
    ("kill abc", "bad pid"),
    ("kill 99999", "No such process"),
    ("stty", "Inappropriate ioctl"),
    ("seq", "usage"),
    ("cat no-such", "No such file"),
    ("cat /tmp", "directory"),
    ("tail -n x", "invalid number"),
    ("wc no-such", "No such file"),
    ("mkdir", "missing operand"),
    ("mkdir /tmp", "exists"),
    ("mkdir /no/such/place", "No such file"),
    ("mkdir -m 9 d", "invalid"),
    ("rm", "missing operand"),
    ("rm /tmp", "directory"),
    ("touch /no/such", "No such file"),
    ("chmod 644", "missing operand"),
    ("chmod x f", "invalid mode"),
    ("chmod 644 no-such", "No such file"),
    ("chown root", "missing operand"),
    ("chown nobody-such f", "unknown"),
    ("chown 0 no-such", "No such file"),
    ("ls no-such", "No such file"),
    ("stat -c %a no-such", "No such file"),
    ("[ a", "missing ]"),
    ("httpd -p x", "invalid"),
    ("sh no-such-script", "no-such-script"),
    ("/etc/passwd", "Permission denied"),
    ("echo x > /", "directory"),
    ("echo x > /proc/version", "not permitted"),
    ("rm /proc/version", "not permitted"),
    ("cd /tmp/x/y", "can't cd"),
    (". no-such", "no-such"),
    ("export 1x=2", "1x"),
    ("umask 9", "umask"),
    ("set -o nope", "illegal option"),
    ("trap x NOPE", "NOPE"),
    ("echo ${", "sh:"),
    ("echo $((1 +", "sh:"),
    ("echo $((1 1))", "sh:"),
    ("cat < no-such", "no-such"),
    ("echo >&9", "bad file descriptor"),
]


@pytest.mark.parametrize(("script", "shown"), WORKS)
def test_a_program_works(run: Run, script: str, shown: str) -> None:
    result = run(script, uid=0, gid=0)
    assert (result.stdout.decode(), result.stderr.decode()) == (shown, "")


@pytest.mark.parametrize(("script", "reason"), FAILS)
def test_a_program_says_what_is_wrong(run: Run, script: str, reason: str) -> None:
    result = run(script, uid=0, gid=0)
    assert result.exit_code not in (0, 255), result
    assert reason in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_rights_are_kept(run: Run) -> None:
    run("echo secret > secret; chmod 600 secret; mkdir closed; touch closed/f; chmod 700 closed", uid=0, gid=0)
    for script in (
        "cat secret",
        "echo x > secret",
        "cat closed/f",
        "ls closed",
        "touch closed/g",
        "rm secret",
        "chmod 644 secret",
    ):
        result = run(script, uid=1234, gid=1234)
        assert result.exit_code != 0, script
        assert "denied" in result.stderr.decode() or "permitted" in result.stderr.decode()
    assert run("kill -0 1", uid=1234, gid=1234).exit_code != 0


def test_a_server_serves_files_alone(run: Run) -> None:
    # Without -f it goes to the background, and a second one finds the port taken.
    result = run("httpd -p 8080 -h /tmp && httpd -f -p 127.0.0.1:8080 -h /tmp")
    assert result.exit_code == 1
    assert "in use" in result.stderr.decode()
