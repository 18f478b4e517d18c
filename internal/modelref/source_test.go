package modelref

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestSourcesThatAreRead(t *testing.T) {
	manifest, err := ParseSHA256(digest)
	require.NoError(t, err)
	cases := map[string]Source{
		"https://models.example.org/a/b-1.onnx":     {Kind: KindHTTPS, Host: "models.example.org", Port: 443, Path: "/a/b-1.onnx"},
		"https://h.example:8443/~u/x_y,z=1@2+3":     {Kind: KindHTTPS, Host: "h.example", Port: 8443, Path: "/~u/x_y,z=1@2+3"},
		"https://xn--bcher-kva.example/M.onnx":      {Kind: KindHTTPS, Host: "xn--bcher-kva.example", Port: 443, Path: "/M.onnx"},
		"https://1.2.3.4.example/...":               {Kind: KindHTTPS, Host: "1.2.3.4.example", Port: 443, Path: "/..."},
		"oci://ghcr.io/org/m@sha256:" + digest:      {Kind: KindOCI, Host: "ghcr.io", Port: 443, Repository: "org/m", Manifest: manifest},
		"oci://r.io:5000/a-b__c.d@sha256:" + digest: {Kind: KindOCI, Host: "r.io", Port: 5000, Repository: "a-b__c.d", Manifest: manifest},
		"oci://r.io/a---b@sha256:" + digest:         {Kind: KindOCI, Host: "r.io", Port: 443, Repository: "a---b", Manifest: manifest},
	}
	for text, want := range cases {
		got, err := ParseSource(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		require.Equal(t, text, got.String())
	}
}

var refused = []struct{ reason, text string }{
	{"nothing", ""},
	{"no scheme", "models.example.org/m"},
	{"http", "http://models.example.org/m"},
	{"a file", "file:///etc/passwd"},
	{"a file with a host", "file://example.org/etc/passwd"},
	{"another scheme", "ftp://example.org/m"},
	{"a scheme in upper case", "HTTPS://example.org/m"},
	{"no path", "https://example.org"},
	{"an empty path", "https://example.org/"},
	{"a host in upper case", "https://Example.org/m"},
	{"one label", "https://localhost/m"},
	{"no host", "https:///m"},
	{"a dot at the end of the host", "https://example.org./m"},
	{"an empty label", "https://example..org/m"},
	{"a label that begins with a hyphen", "https://-a.example/m"},
	{"a label that ends with a hyphen", "https://a-.example/m"},
	{"an underscore in the host", "https://a_b.example/m"},
	{"a long label", "https://" + strings.Repeat("a", 64) + ".example/m"},
	{"a long host", "https://" + strings.Repeat("a.", 126) + "ab/m"},
	{"letters outside ASCII in the host", "https://bücher.example/m"},
	{"an IPv4 address", "https://127.0.0.1/m"},
	{"a public IPv4 address", "https://93.184.216.34/m"},
	{"an IPv4 address of two parts", "https://127.1/m"},
	{"a decimal IPv4 address", "https://2130706433/m"},
	{"a hexadecimal IPv4 address", "https://0x7f.0x0.0x0.0x1/m"},
	{"an octal IPv4 address", "https://0177.0.0.01/m"},
	{"an IPv6 address", "https://[::1]/m"},
	{"a mapped IPv4 address", "https://[::ffff:127.0.0.1]/m"},
	{"an IPv6 address with a zone", "https://[fe80::1%25eth0]/m"},
	{"a user", "https://user@example.org/m"},
	{"a user and a password", "https://user:secret@example.org/m"},
	{"an address as user", "https://example.org@127.0.0.1/m"},
	{"an empty port", "https://example.org:/m"},
	{"port zero", "https://example.org:0/m"},
	{"a port with a leading zero", "https://example.org:08443/m"},
	{"a port that is none", "https://example.org:https/m"},
	{"a port beyond 65535", "https://example.org:65536/m"},
	{"a port beyond 64 bits", "https://example.org:18446744073709551617/m"},
	{"the default port", "https://example.org:443/m"},
	{"two ports", "https://example.org:80:81/m"},
	{"a query", "https://example.org/m?x=1"},
	{"a fragment", "https://example.org/m#x"},
	{"an escape", "https://example.org/%2e%2e/m"},
	{"a backslash", `https://example.org\@127.0.0.1/m`},
	{"a backslash in the path", `https://example.org/a\b`},
	{"a space", "https://example.org/a b"},
	{"a line break", "https://example.org/a\r\nHost: b"},
	{"a zero byte", "https://example.org/a\x00"},
	{"letters outside ASCII in the path", "https://example.org/modèle"},
	{"a dot segment", "https://example.org/./m"},
	{"a segment that goes up", "https://example.org/a/../m"},
	{"an empty segment", "https://example.org//m"},
	{"a slash at the end", "https://example.org/m/"},
	{"too many bytes", "https://example.org/" + strings.Repeat("a", MaxSourceBytes)},
	{"an artifact by tag", "oci://ghcr.io/org/m:latest"},
	{"an artifact by tag and digest", "oci://ghcr.io/org/m:latest@sha256:" + digest},
	{"an artifact without digest", "oci://ghcr.io/org/m"},
	{"an artifact without repository", "oci://ghcr.io/@sha256:" + digest},
	{"another hash", "oci://ghcr.io/org/m@sha512:" + digest + digest},
	{"a short digest", "oci://ghcr.io/org/m@sha256:" + digest[1:]},
	{"a digest in upper case", "oci://ghcr.io/org/m@sha256:" + strings.ToUpper(digest)},
	{"a digest and more", "oci://ghcr.io/org/m@sha256:" + digest + "/x"},
	{"a repository in upper case", "oci://ghcr.io/Org/m@sha256:" + digest},
	{"a repository with an empty component", "oci://ghcr.io/org//m@sha256:" + digest},
	{"a repository that ends with a separator", "oci://ghcr.io/org/m-@sha256:" + digest},
	{"a repository that begins with a separator", "oci://ghcr.io/_org/m@sha256:" + digest},
	{"two dots in a repository", "oci://ghcr.io/a..b@sha256:" + digest},
	{"three underscores in a repository", "oci://ghcr.io/a___b@sha256:" + digest},
	{"mixed separators in a repository", "oci://ghcr.io/a-.b@sha256:" + digest},
	{"a long repository", "oci://ghcr.io/" + strings.Repeat("a", 256) + "@sha256:" + digest},
	{"an artifact at an address", "oci://10.0.0.1:5000/m@sha256:" + digest},
}

func TestSourcesThatAreRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.reason, func(t *testing.T) {
			got, err := ParseSource(c.text)
			require.Error(t, err, "%+v", got)
		})
	}
}

// The oracle is the same grammar as regular expressions.
var (
	oracleHost  = `(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?::[1-9][0-9]{0,4})?`
	oracleHTTPS = regexp.MustCompile(`^https://` + oracleHost + `(?:/[A-Za-z0-9._~+=,@-]+)+$`)
	oracleOCI   = regexp.MustCompile(`^oci://` + oracleHost + `(?:/[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$`)
	oracleParts = regexp.MustCompile(`^[a-z]+://([^/:]*)[^/]*/([^@]*)`)
	oracleDots  = regexp.MustCompile(`/\.\.?(?:/|$)`)
	oraclePort  = regexp.MustCompile(`^[a-z]+://[^/:]+:(?:443|6553[6-9]|655[4-9].|65[6-9]..|6[6-9]...|[7-9]....)/`)
)

func oracle(text string) bool {
	https := oracleHTTPS.MatchString(text) && !oracleDots.MatchString(text)
	parts := oracleParts.FindStringSubmatch(text)
	short := parts != nil && len(parts[1]) <= 253 && (https || len(parts[2]) <= 255)
	return len(text) <= MaxSourceBytes && short && (https || oracleOCI.MatchString(text)) && !oraclePort.MatchString(text)
}

func check(t interface {
	Fatalf(string, ...any)
}, text string) {
	source, err := ParseSource(text)
	if (err == nil) != oracle(text) {
		t.Fatalf("%q: got %v, the oracle says %v", text, err, oracle(text))
	}
	if err == nil && source.String() != text {
		t.Fatalf("%q is written as %q", text, source.String())
	}
}

func TestSourcesAgreeWithTheOracle(t *testing.T) {
	for _, c := range refused {
		check(t, c.text)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.StringMatching(`(https|oci)://[a-c0-1:.-]{1,8}\.[a-z0]{1,3}(:[0-9]{1,5})?(/[a-cA._~@-]{1,4}){1,3}(@sha256:[0-9a-f]{63,64})?`).Draw(t, "source"))
	})
}

func FuzzParseSource(f *testing.F) {
	for _, c := range refused {
		f.Add(c.text)
	}
	f.Add("https://models.example.org:8443/a/b-1.onnx")
	f.Add("oci://ghcr.io/org/m@sha256:" + digest)
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}

func TestReferences(t *testing.T) {
	good := Reference{Size: 1, Sources: []string{"https://a.example/m", "https://b.example/m"}}
	require.NoError(t, good.Validate())
	require.NoError(t, Reference{Size: 1}.Validate(), "other nodes have it")
	cases := []struct {
		reason string
		ref    Reference
		says   string
	}{
		{"no size", Reference{}, "got 0"},
		{"a size that no file has", Reference{Size: 1 << 63}, "got 9223372036854775808"},
		{"too many sources", Reference{Size: 1, Sources: make([]string, MaxSources+1)}, "got 9"},
		{"a source that is none", Reference{Size: 1, Sources: []string{"https://a.example/m", "x"}}, "sources[1]"},
		{"a source twice", Reference{Size: 1, Sources: []string{"https://a.example/m", "https://a.example/m"}}, "sources[0] again"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) { require.ErrorContains(t, c.ref.Validate(), c.says) })
	}
}

func TestHashesAreReadInOneSpelling(t *testing.T) {
	for _, text := range []string{"", digest[1:], digest + "0", strings.ToUpper(digest), "g" + digest[1:], digest[:62] + "é"} {
		_, err := ParseSHA256(text)
		require.Error(t, err, text)
	}
}
