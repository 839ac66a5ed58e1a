"""The mock's shell does what this machine's own does, each script run by both; what it does not have, it names."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dvm_runtimes import ExecError
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.testing.exec import ODD_WORDS

from .conftest import Run

SH = shutil.which("dash") or shutil.which("sh") or "sh"

SCRIPTS = [
    # Words
    "echo a  b   'c  d' \"e  f\" g\\ h",
    "printf '<%s>' \"\" '' a\"b\"'c' \"$(echo x  y)\" $(echo x  y); echo",
    "a='1  2'; printf '<%s>' $a \"$a\" '$a' \\$a \"\\$a\" \"'\"; echo",
    "printf 'a\\tb\\\\n\\n%s %d %5d|%-5s|%05d %x %o %c %%\\n' s 7 7 ab 42 255 8 zed",
    "printf '%b\\n' 'a\\tb\\061'; printf '%s %s\\n' one two three; printf '%.2s|%3s\\n' abc d",
    "echo one # two\necho '#' a#b",
    "echo a\\\nb",
    # Variables
    'a=1 b=2; echo $a$b ${a}b "${a}"; unset a; echo "<$a>"',
    "echo ${a:-x} ${a-y} ${b:=z} $b ${b:+set} ${b+set} ${c:+no}",
    'a=; echo "<${a-x}> <${a:-x}> <${a+x}> <${a:+x}>"',
    "(unset nope; echo ${nope:?is missing}) 2>/dev/null; echo $?",
    "set -- one 'two three' four; echo $# $1 \"$2\" $3; printf '<%s>' \"$@\"; "
    "printf '<%s>' \"$*\" $*; echo; shift; echo $1",
    "set -- 1 2 3 4 5 6 7 8 9 10 11; echo $10 ${10} ${11}",
    "a=1; (a=2; echo $a); echo $a; { a=3; }; echo $a",
    "a=1 sh -c 'echo $a'; echo \"<$a>\"; export a=2; sh -c 'echo $a'",
    "echo $?; false; echo $?; true; echo $?",
    # Arithmetic
    "echo $((1 + 2 * 3)) $(( (1 + 2) * 3 )) $((7 / 2)) $((7 % 3)) $((-7 / 2)) $((2 - -2))",
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i",
    "echo $((1 / 0)) 2>/dev/null; echo never",
    "case abc in a*) echo star;; *) echo other;; esac; case x in a|x) echo bar;; esac; "
    "case '' in '') echo empty;; esac; case z in a) ;; esac; echo $?",
    "a='*'; case 'x' in \"$a\") echo quoted;; $a) echo pattern;; esac; "
    'case /sbin/nologin in */nologin | */false) a= ;; esac; echo "<$a>"',
    "printf 'root:x:0::/root\\n  a  b  c  \\n' > f; { IFS=: read -r n p u g h; echo \"$n|$u|$g|$h\"; "
    'read x y; echo "$x|$y"; '
    '} < f; IFS= read -r l < f; echo "$l"; rm f',
    # Arithmetic with variables
    "a=5; echo $((a + 1)) $((a * a)) $((a == 7)) $((a != 7)) $((-a)) $((nope)); echo $(($a - 1))",
    # Conditions
    "if true; then echo yes; else echo no; fi; if false; then :; elif true; then echo elif; fi; "
    "if false; then :; fi; echo $?",
    "true && echo and; false && echo no; false || echo or; true || echo no; ! true; echo $?; ! false; echo $?",
    "true && false || echo mixed; false && true; echo $?",
    "[ 1 -eq 1 ] && [ a = a ] && [ a != b ] && [ -n x ] && [ -z '' ] && [ 2 -gt 1 -a 1 -le 1 ] && echo all",
    "[ 1 -eq 2 -o 3 -ge 3 ] && echo or; [ ! a = b ] && echo not; test x && echo test; [ ]; echo $?; "
    "[ 1 -lt x ] 2>/dev/null; echo $?",
    # Loops
    "for a in 1 2 3; do echo $a; done; for a in; do echo no; done; for a; do echo no; done; echo $?",
    "for a in 1 2 3 4; do [ $a = 2 ] && continue; [ $a = 4 ] && break; echo $a; done",
    "for a in 1 2; do for b in x y; do [ $b = y ] && continue 2; echo $a$b; done; done",
    "for a in 1 2; do for b in x y; do break 2; done; done; echo $a$b",
    'until [ "$n" = xxx ]; do n=x$n; done; echo $n',
    "printf 'a b c\\nd\\n' | while read x y; do echo \"$x|$y\"; done",
    "printf 'a\\\\ b\\n' | (read -r x; echo \"$x\"); printf 'no newline' | (read x; echo $? \"$x\")",
    # Functions
    'set -- x "y z"; for a; do echo "<$a>"; done; for a in "$@" ${b:-p q}; do echo "<$a>"; done; set --; echo "$@" $#',
    "for f in a b; do echo $f > $f.txt; done; echo *.txt ?.txt '*.txt' [ab].txt [!a].txt; rm *.txt; echo *.txt",
    # Pipes, groups, substitution
    "echo abc | cat | wc -c; echo one two three | wc -w; printf 'a\\nb\\n' | wc -l",
    "{ echo a; echo b; } | { read x; read y; echo $y$x; }",
    "false | true; echo $?; true | false; echo $?; (exit 3) | (exit 4); echo $?",
    'echo $(echo a; echo b) "$(echo a; echo b)"; echo `echo back` "`echo \\`echo nested\\``"',
    "a=$(exit 5); echo $?; a=$(false) && echo no; echo \"$(printf 'x\\n\\n\\n')\"end",
    '(echo sub; exit 2); echo $?; (cd /; pwd); (a=1); echo "<$a>"',
    "seq 3 | head -n 1; seq 5 | tail -n 2; seq 2 2 6; seq 3 -1 1; echo abcdef | head -c 3; echo; echo abc | tail -c 2",
    # Redirections
    "echo a > f; echo b >> f; cat f; cat < f; cat f nothing 2>/dev/null; echo $?; rm f",
    "{ echo out; echo err >&2; } 2>&1 | cat; echo err 2>&1 >/dev/null; (echo gone >&2) 2>/dev/null",
    "exec 3> f; echo three >&3; exec 3>&-; cat f; exec 4< f; read x <&4; echo $x; rm f",
    "(echo x > /no/such/place/f); [ $? -ne 0 ] && echo failed",
    ": > f; [ -s f ]; echo $?; echo x > f; [ -s f ]; echo $?; rm f",
    # Files
    "mkdir -p d/e; touch d/f d/e/g; ls d; ls d/e; cd d; echo *; echo */*; echo no*such; cd ..; "
    "rm -r d; ls d 2>/dev/null || echo gone",
    "mkdir d; cd d; touch a b .h; echo *; ls -A; for x in *; do echo $x; done; cd ..; rm -rf d; "
    "rm -f none; rm none 2>/dev/null; echo $?",
    "cd /; pwd; cd /bin/..; pwd; cd - >/dev/null; pwd; cd /no/such 2>/dev/null || echo failed",
    "printf '#!/bin/sh\\necho script $1 $0\\n' > s; chmod +x s; ./s arg; sh s other; rm s",
    "printf 'echo sourced $1; a=5\\n' > s; . ./s; echo $a; rm s",
    # Jobs and signals
    "sleep 0 & wait $!; echo $?; (exit 3) & wait $!; echo $?; wait; echo $?",
    "trap 'echo bye' EXIT; echo work",
    "trap 'echo caught' TERM; kill -TERM $$; echo after; trap - TERM; trap '' INT; kill -INT $$; echo ignored",
    "sleep 60 & kill $!; wait $!; echo $?; kill -0 $! 2>/dev/null; echo $?",
    "sh -c 'kill -KILL $$'; echo $?",
    "trap 'echo usr1' USR1; (sleep 0; kill -USR1 $$) ; wait; echo done",
    # Built in
    "command -v sh >/dev/null; echo $?; command -v no-such; echo $?; no-such 2>/dev/null; echo $?",
    "eval 'a=1; echo $a'; eval echo '$a' b; eval; echo $?; command echo plain",
    "set -e; true; echo before; false; echo never",
    "set -e; if false; then :; fi; false || true; echo reached; ! true; echo still",
    "set -u; echo ${a-unset}; (echo $a) 2>/dev/null; echo $?",
    "exec echo replaced; echo never",
    "env A=b sh -c 'echo $A'; env -i /bin/sh -c 'echo ${A:-none}'; A=x printenv A; printenv no_such; echo $?",
    'id -u >/dev/null && [ -n "$(id -un 2>/dev/null)" ]; true; false; echo $?; expr 2>/dev/null; :',
    "exit 300",
    "echo 'unclosed",
    "if true; then",
    "echo a; ) b",
    "for in; do :; done",
    "echo a;; echo b",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_does_the_same_in_both(run: Run, tmp_path: Path, script: str) -> None:
    wanted = subprocess.run(
        [SH, "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": "/"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    got = run(f"mkdir here; cd here; {script}") if "\n" not in script and "unclosed" not in script else run(script)
    assert got.stdout.decode() == wanted.stdout.decode()
    assert got.exit_code == (wanted.returncode if wanted.returncode >= 0 else 128 - wanted.returncode)


@pytest.mark.parametrize(
    ("script", "construct"),
    [
        ("f() { echo; }", "functions"),
        ("cat <<EOF\nEOF", "here-documents"),
        ("echo ${a##*/}", "${a#...}"),
        ("echo ${#a}", "${#NAME}"),
        ("echo $((1 << 4))", "cannot evaluate: '1 << 4'"),
        ("set -x", "-e and -u"),
    ],
)
def test_what_the_shell_does_not_have_is_named(run: Run, script: str, construct: str) -> None:
    result = run(script)
    assert result.exit_code == 2
    assert construct in result.stderr.decode()


def test_a_missing_program_says_how_to_script_it(runtime: MockRuntime, workspace: str, run: Run) -> None:
    result = run("make test; echo $?")
    assert result.stdout == b"127\n"
    assert result.stderr.decode().startswith("sh: make: not found")
    assert "script_exec()" in result.stderr.decode()
    with pytest.raises(ExecError, match=r"script_exec\(\)") as caught:
        runtime.exec_in_workspace(workspace, ["make"])
    assert caught.value.exit_code == 127


def test_quoted_words_come_back(runtime: MockRuntime, workspace: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(word=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=200))
    def comes_back(word: str) -> None:
        command = ["sh", "-c", f"printf %s {shlex.quote(word)}"]
        assert runtime.exec_in_workspace(workspace, command, timeout=60).stdout.decode() == word

    for odd in (*ODD_WORDS, "'" * 7, "a'b'c", "''x''", "x" * 10_000 + "'"):
        comes_back = example(word=odd)(comes_back)
    comes_back()
