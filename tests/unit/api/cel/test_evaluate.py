"""What expressions evaluate to: the language, Kubernetes' libraries, and what evaluation may cost."""

from __future__ import annotations

import pytest

from knarr.api import cel
from knarr.api.cel import CelError, OverBudget
from knarr.api.cel.library.authorizer import answering, question
from knarr.api.cel.values import Thing

SELF = {"n": 1, "name": "web", "list": [3, 1, 2], "map": {"a": 1, "b": 2}, "items": [{"k": "x"}, {"k": "y"}]}


def value(text, **variables):
    return cel.compiled(text).value({"self": SELF, **variables})


TRUE = """
1 + 2 * 3 == 7
-7 / 2 == -3 && -7 % 2 == -1
1 < 1.5 && 2u > 1
self.list[0] == 3
'web' == self.name && self['name'] == "web"
has(self.n) && !has(self.nope)
self.?nope.orValue(5) == 5 && self.?n.hasValue()
self.list[?7].orValue(0) == 0 && optional.of(2).optMap(x, x * 2).value() == 4
[1, ?optional.none(), ?optional.of(2)] == [1, 2]
{?'a': optional.none(), 'b': 1} == {'b': 1}
1 / 0 == 1 || true
!(false && self.nope == 1)
self.list.all(x, x > 0) && self.list.exists(x, x == 2) && self.list.exists_one(x, x > 2)
self.map.all(k, self.map[k] > 0) && self.map.exists(k, v, v == 2)
self.list.map(x, x * 2) == [6, 2, 4] && self.list.map(x, x > 1, x) == [3, 2] && self.list.filter(x, x > 1) == [3, 2]
self.list.transformList(i, x, i) == [0, 1, 2] && self.map.transformMap(k, v, v + 1) == {'a': 2, 'b': 3}
self.map.transformMapEntry(k, v, {v: k})[1] == 'a'
cel.bind(x, self.n + 1, x * x) == 4
type(self.n) == int && type('') == string && type(type(1)) == type
timestamp('2023-01-02T03:04:05Z').getFullYear() == 2023
timestamp('2023-01-02T03:04:05Z') - timestamp('2023-01-02T02:04:05Z') == duration('1h')
timestamp('2023-01-02T23:04:05Z').getHours('+02:00') == 1 && duration('90m').getHours() == 1
string(duration('1h30m')) == '5400s' && string(timestamp('2023-01-02T03:04:05.5Z')) == '2023-01-02T03:04:05.5Z'
'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b'
'tacocat'.substring(0, 4) == 'taco' && 'tacocat'.indexOf('a', 3) == 5 && 'tacocat'.lastIndexOf('c') == 4
'Web'.lowerAscii() == 'web' && ' a '.trim() == 'a' && 'aXa'.replace('a', 'b', 1) == 'bXa' && 'abc'.reverse() == 'cba'
'%s is %d, %.2f, %x'.format(['a', 3, 1.5, 255]) == 'a is 3, 1.50, ff'
'%s'.format([{'b': [1, 2.0], 'a': null}]) == '{a: null, b: [1, 2]}'
string(1234567.0) == '1.234567e+06' && string(-1e20) == '-1e+20' && string(123456.0) == '123456' && string(0.00001) == '1e-05' && '%s'.format([1e7]) == '10000000'
uint('18446744073709551615') == 18446744073709551615u && int('+07') == 7 && double('1e3') == 1000.0
optional.of(1).orValue(int('x')) == 1 && optional.of(1).or(self.nope).value() == 1 && optional.none().orValue(2) == 2
'baac'.findAll('a*') == ['', 'aa', ''] && 'x'.find('y') == '' && 'a'.findAll('a', 0) == []
'aé'.findAll('.') == ['a', 'é'] && '1١'.findAll(r'\\d') == ['1'] && 'a.b'.matches(r'^\\Qa.b\\E$') && 'é'.matches(r'\\pL')
['b', 'a', 'cc'].sortBy(x, -size(x)) == ['cc', 'b', 'a'] && [].sortBy(x, x) == [] && self.list.sortBy(x, x) == [1, 2, 3]
self.items.sortBy(one, one.k == 'x')[1].k == 'x' && [3, 1].sortBy(x, [2, x].sortBy(y, y)[0]) == [1, 3]
'abc 123'.find('[0-9]+') == '123' && '1 2 3'.findAll('[0-9]', 2) == ['1', '2'] && 'abc'.matches('^a.c$')
[1, 2, 3].isSorted() && ![2, 1].isSorted() && [1, 2].sum() == 3 && [1.5].sum() == 1.5 && [3, 1].min() == 1
['a', 'b'].indexOf('b') == 1 && [1, 2, 1].lastIndexOf(1) == 2 && [3, 1].sort() == [1, 3]
[duration('1m'), duration('2m')].max() == duration('2m')
sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2])
quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('50k').add(1).asInteger() == 50001
quantity('500m').sub(quantity('0.5')).sign() == 0 && !isQuantity('1x') && quantity('1.5').asApproximateFloat() == 1.5
quantity('1').compareTo(quantity('1000m')) == 0 && !quantity('100m').isInteger()
url('https://user@example.com:80/p%20q?a=1&a=2').getHost() == 'example.com:80'
url('https://[::1]:80/a').getHostname() == '::1' && url('/x?a=1&a=2').getQuery() == {'a': ['1', '2']}
isURL('https://a.b/c') && !isURL('../x')
isIP('::1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4') && ip('127.0.0.1').isLoopback() && ip('::1').family() == 6
ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && ip('10.1.1.1').isGlobalUnicast()
cidr('10.0.0.0/8').containsIP('10.9.9.9') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !isCIDR('10.0.0.0/33')
cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8
semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').compareTo(semver('1.0.0')) == -1
!isSemver('v1.0') && isSemver('v1.0', true) && semver('v01.1', true).minor() == 1
!format.dns1123Label().validate('web').hasValue() && format.named('dns1123Label').value().validate('W').hasValue()
format.named('nope') == optional.none() && !format.date().validate('2020-01-01').hasValue()
math.greatest(1, 2, 3) == 3 && math.least([2.5, 1.0]) == 1.0 && math.ceil(1.2) == 2.0 && math.abs(-1) == 1
math.bitShiftLeft(1, 3) == 8 && math.round(-1.5) == -2.0 && math.isNaN(0.0 / 0.0)
base64.encode(b'hello') == 'aGVsbG8=' && base64.decode('aGVsbG8') == b'hello'
jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'
'\\u00e9' == 'é' && r'\\d' == '\\\\d' && '''it's''' == "it's" && b'\\xff' != b''
self.items.exists(i, i.k == 'y') && 'x' in self.items.map(i, i.k) && 'a' in self.map
int('5') == 5 && double('1.5') == 1.5 && string(1.0) == '1' && uint(3) == 3u && bool('true') && int(2.9) == 2
"""


@pytest.mark.parametrize("text", [one for one in TRUE.strip().splitlines()])
def test_what_holds(text):
    """Each of these is true, by the language's or a library's own definition."""
    assert value(text) is True


@pytest.mark.parametrize(("text", "fault"), [
    ("self.nope", "no such key: nope"),
    ("self.list[9]", "index out of bounds: 9"),
    ("1 / 0", "division by zero"),
    ("1 % 0", "modulus by zero"),
    ("9223372036854775807 + 1", "integer overflow"),
    ("1u - 2u", "unsigned integer overflow"),
    ("self.name + 1", "no such overload"),
    ("self.name.x", "no such overload"),
    ("self.n && true", "no such overload"),
    ("nope", "no such attribute(s): nope"),
    ("timestamp('x')", "invalid timestamp: x"),
    ("timestamp('2026-01-01')", "invalid timestamp: 2026-01-01"),
    ("duration('9223372037s')", 'time: invalid duration "9223372037s"'),
    ("duration('9223372036s') + duration('9223372036s')", "duration overflow"),
    ("int('1_0')", 'strconv.ParseInt: parsing "1_0": invalid syntax'),
    ("int(' 1')", 'strconv.ParseInt: parsing " 1": invalid syntax'),
    ("int('١')", 'strconv.ParseInt: parsing "١": invalid syntax'),
    ("int('9223372036854775808')", "integer overflow"),
    ("uint('-1')", 'strconv.ParseUint: parsing "-1": invalid syntax'),
    ("uint(-0.5)", "unsigned integer overflow"),
    ("double(' 1')", 'strconv.ParseFloat: parsing " 1": invalid syntax'),
    ("optional.none().orValue(1 / 0)", "division by zero"),
    ("optional.none().or(1)", "no such overload"),
    ("optional.none().value()", "optional.none() dereference"),
    ("[].max()", "max called on empty list"),
    ("quantity('1x')", None),
    ("ip('x')", None),
    ("'a'.substring(2)", "index out of range: 2"),
    ("{'a': 1, 'a': 2}", "duplicate map key: a"),
    ("('a' + '').find('(a+)+b') == ''", None),
])
def test_what_fails(text, fault):
    """A value that does not fit is an error in words, never anything else."""
    if text.startswith("('a'"):
        assert value(text) is True
        return
    with pytest.raises(CelError) as raised:
        value(text)

    assert fault is None or str(raised.value) == fault


@pytest.mark.parametrize(("text", "fault"), [
    ("object.nope +", "ERROR: <input>:1:14: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', "
     "'!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | object.nope +\n "
     "| .............^"),
    ("a b", "ERROR: <input>:1:3: Syntax error: mismatched input 'b' expecting <EOF>\n | a b\n | ..^"),
    ("1 # 2", "ERROR: <input>:1:3: Syntax error: token recognition error at: '#'\n | 1 # 2\n | ..^"),
    ("a\n.b(", None), ("'abc", None), ("has(a)", None), ("[1].all(1, true)", None), ("for", None),
    ("99999999999999999999", None), ("(" * 500, None), ("a" * 20000, None), ("{1:2", None), ("1.", None), ("'\\ud83d'", None),
])
def test_what_cannot_be_read(text, fault):
    """A text that is no expression is pointed at, however odd or deep it is."""
    with pytest.raises(CelError) as raised:
        cel.compiled(text)

    assert fault is None or str(raised.value) == fault


def test_an_evaluation_has_a_limit():
    """Three loops within one another over a thousand items end after a million steps, not after a billion."""
    with pytest.raises(OverBudget):
        value("big.all(a, big.all(b, big.all(c, a + b + c >= 0)))", big=list(range(1000)))


def test_a_policy_asks_who_may():
    """An expression asks about somebody else, of a subresource in a namespace; who answers hears just that."""
    asked = []

    def answer(question):
        asked.append(question)
        return question["verb"] == "get", "so be it"

    text = ("authorizer.serviceAccount('web', 'bot').group('apps').resource('deployments').subresource('scale')"
            ".namespace('web').name('a').check('get').allowed() && !authorizer.path('/x').check('post').allowed()")
    with answering(answer):
        assert value(text, authorizer=question({"name": "ann"}, resource="pods")) is True
        assert value("authorizer.requestResource.check('get').reason()", authorizer=question({"name": "ann"}, resource="pods"))

    assert (asked[0]["user"]["name"], asked[0]["subresource"]) == ("system:serviceaccount:web:bot", "scale")
    assert (asked[1]["path"], asked[1]["user"]["name"]) == ("/x", "ann")
    assert asked[2] == {"user": {"name": "ann"}, "resource": "pods", "verb": "get"}


def test_a_question_is_dear():
    """Asking three times exceeds what one evaluation may cost."""
    with answering(lambda _: (True, "")), pytest.raises(OverBudget):
        value(" && ".join(["authorizer.path('/x').check('get').allowed()"] * 3), authorizer=question({"name": "ann"}))


def test_only_declared_names():
    """A policy's expression may look at what there is; its type is known where it says so."""
    assert cel.compiled("object.spec.n > 1", names=("object",)).result == "BOOL"
    assert cel.compiled("object.spec", names=("object",)).result == "DYN"
    with pytest.raises(CelError, match="undeclared reference to 'self'"):
        cel.compiled("self.n", names=("object",))


def test_patches_are_values():
    """A mutating policy's expression makes a list of JSON patch operations."""
    made = value("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: {'x': self.n}}]")

    assert made == [Thing("JSONPatch", {"op": "add", "path": "/metadata/labels/a~1b", "value": {"x": 1}})]
