package guard

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/testutil/fakenet"
)

// inside are addresses that a source of the chain must not lead to.
var inside = []struct{ reason, address string }{
	{"unspecified", "0.0.0.0"},
	{"this network", "0.1.2.3"},
	{"loopback", "127.0.0.1"},
	{"loopback, further on", "127.255.255.254"},
	{"private, class A", "10.0.0.1"},
	{"private, class B", "172.16.0.1"},
	{"private, the end of class B", "172.31.255.255"},
	{"private, class C", "192.168.1.1"},
	{"link-local", "169.254.0.1"},
	{"metadata of many clouds", "169.254.169.254"},
	{"metadata of containers", "169.254.170.2"},
	{"metadata in carrier-grade NAT", "100.100.100.200"},
	{"metadata in public space", "168.63.129.16"},
	{"metadata in protocol assignments", "192.0.0.192"},
	{"carrier-grade NAT", "100.64.0.1"},
	{"the end of carrier-grade NAT", "100.127.255.255"},
	{"documentation", "192.0.2.1"},
	{"documentation, second", "198.51.100.1"},
	{"documentation, third", "203.0.113.1"},
	{"benchmarks", "198.19.0.1"},
	{"6to4 relay", "192.88.99.1"},
	{"multicast", "224.0.0.251"},
	{"reserved", "240.0.0.1"},
	{"broadcast", "255.255.255.255"},
	{"unspecified, version 6", "::"},
	{"loopback, version 6", "::1"},
	{"loopback, mapped", "::ffff:127.0.0.1"},
	{"loopback, mapped in hexadecimal", "::ffff:7f00:1"},
	{"loopback, compatible", "::127.0.0.1"},
	{"a public address, mapped", "::ffff:93.184.216.34"},
	{"translated", "::ffff:0:127.0.0.1"},
	{"NAT64", "64:ff9b::7f00:1"},
	{"local NAT64", "64:ff9b:1::a00:1"},
	{"6to4 of a private address", "2002:a00:1::1"},
	{"Teredo", "2001:0:4136:e378::1"},
	{"ORCHID", "2001:20::1"},
	{"documentation, version 6", "2001:db8::1"},
	{"documentation, version 6, second", "3fff::1"},
	{"link-local, version 6", "fe80::1"},
	{"link-local with a zone", "fe80::1%eth0"},
	{"a public address with a zone", "2606:2800:220:1::1%eth0"},
	{"site-local", "fec0::1"},
	{"unique local", "fc00::1"},
	{"metadata, version 6", "fd00:ec2::254"},
	{"multicast, version 6", "ff02::1"},
	{"discard only", "100::1"},
	{"segment routing", "5f00::1"},
}

func TestAddressesInsideAreForbidden(t *testing.T) {
	for _, c := range inside {
		t.Run(c.reason, func(t *testing.T) {
			require.ErrorIs(t, Public(netip.MustParseAddr(c.address)), ErrForbidden)
		})
	}
	require.ErrorIs(t, Public(netip.Addr{}), ErrForbidden)
}

func TestPublicAddressesAreNot(t *testing.T) {
	for _, address := range []string{"93.184.216.34", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "223.255.255.255",
		"2606:2800:220:1::1", "2a00:1450:4001:82a::200e", "2001:4860:4860::8888"} {
		require.NoError(t, Public(netip.MustParseAddr(address)), address)
	}
}

// The standard library knows some of the blocks by itself.
func TestAddressesAgreeWithTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		addr := netip.AddrFrom16([16]byte(bytes))
		if rapid.Bool().Draw(t, "IPv4") {
			addr = netip.AddrFrom4([4]byte(bytes[:4]))
		}
		if Public(addr) == nil && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6()) {
			t.Fatalf("%s is let through", addr)
		}
	})
}

func client(network *fakenet.Net) *http.Client {
	return NewClient(Options{Resolver: network, Connector: network, Roots: network.Roots()})
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	response, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body), nil
}

const outside = "93.184.216.34"

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })

func TestAPublicHostIsReached(t *testing.T) {
	network := fakenet.New(t)
	network.Serve("models.example", outside, hello)
	body, err := get(t, client(network), "https://models.example/m")
	require.NoError(t, err)
	require.Equal(t, "hello", body)
	require.Equal(t, []string{outside + ":443"}, network.Dials())
}

// bracketed writes an address as a host of a URL.
func bracketed(address string) string {
	if strings.Contains(address, ":") {
		return "[" + strings.ReplaceAll(address, "%", "%25") + "]"
	}
	return address
}

// Each address, as the host itself, as the answer for a name, as one of two answers, and as the target of a redirect.
func TestNothingInsideIsReached(t *testing.T) {
	for _, c := range inside {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			reached := func(w http.ResponseWriter, _ *http.Request) { t.Error("reached"); w.WriteHeader(http.StatusTeapot) }
			network.Serve("inside.example", c.address, http.HandlerFunc(reached))
			network.Answer("mixed.example", outside, c.address)
			network.Serve("models.example", outside, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
			}))
			target := "https://" + bracketed(c.address) + "/m"
			for _, url := range []string{target, "https://inside.example/m", "https://mixed.example/m"} {
				if netip.MustParseAddr(c.address).Unmap() == netip.MustParseAddr(outside) && url != target {
					continue // so a resolver may write a public address
				}
				_, err := get(t, client(network), url)
				require.ErrorIs(t, err, ErrForbidden, url)
				require.Empty(t, network.Dials(), url)
				_, err = get(t, client(network), "https://models.example/?to="+strings.ReplaceAll(url, "%", "%25"))
				require.ErrorIs(t, err, ErrForbidden, "redirect to %s", url)
				require.Equal(t, []string{outside + ":443"}, network.Dials())
			}
		})
	}
}

func TestSpellingsOfAddressesAreNamesToBeResolved(t *testing.T) {
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost", "127.0.0.1.example", "①②⑦.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			network := fakenet.New(t)
			name := host
			if host == "①②⑦.0.0.1" {
				name = "127.0.0.1" // what the client makes of it
			}
			network.Answer(name, "127.0.0.1") // as some resolvers say
			_, err := get(t, client(network), "https://"+host+"/m")
			require.ErrorIs(t, err, ErrForbidden)
			require.Empty(t, network.Dials())
		})
	}
}

// The name is public when it is looked up first, and leads inside the next time: after a redirect to itself that closes the
// connection, and for a new request.
func TestANameThatChangesItsMind(t *testing.T) {
	network := fakenet.New(t)
	network.Serve("inside", "10.0.0.1", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	network.Serve("models.example", outside, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "https://models.example/m", http.StatusFound)
		}
	}))
	network.Answers("models.example", []string{outside}, []string{"10.0.0.1"})
	c := client(network)
	_, err := get(t, c, "https://models.example/again")
	require.ErrorIs(t, err, ErrForbidden)
	require.Equal(t, []string{outside + ":443"}, network.Dials())

	network.Answers("models.example", []string{outside}, []string{"10.0.0.1"})
	_, err = get(t, c, "https://models.example/m")
	require.NoError(t, err)
	_, err = get(t, c, "https://models.example/m")
	require.ErrorIs(t, err, ErrForbidden)
	require.Equal(t, []string{outside + ":443"}, network.Dials())
}

// The connector of the machine looks at what the kernel is given, whatever came before it.
func TestTheSystemConnectorRefusesAnAddressInside(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer server.Close()
	_, err := systemConnector().DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.ErrorIs(t, err, ErrForbidden)
	_, err = get(t, NewClient(Options{}), "https://"+server.Listener.Addr().String())
	require.ErrorIs(t, err, ErrForbidden)
}

func TestTheEnvironmentAddsNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	network := fakenet.New(t)
	network.Serve("models.example", outside, hello)
	_, err := get(t, client(network), "https://models.example/m")
	require.NoError(t, err)
	server := httptest.NewServer(hello)
	defer server.Close()
	_, err = get(t, NewPeerClient(nil), server.URL)
	require.NoError(t, err)
}

func TestRedirects(t *testing.T) {
	network := fakenet.New(t)
	network.Serve("models.example", outside, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Empty(t, r.Header.Get("Referer"))
		require.Empty(t, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		left := 0
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &left); err != nil || left == 0 {
			fmt.Fprint(w, "hello")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d?%s", left-1, r.URL.RawQuery), http.StatusFound)
	}))
	network.Serve("elsewhere.example", "1.1.1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusTemporaryRedirect)
	}))
	body, err := get(t, client(network), "https://models.example/5")
	require.NoError(t, err)
	require.Equal(t, "hello", body)
	_, err = get(t, client(network), "https://models.example/6")
	require.ErrorContains(t, err, "up to 5 redirects")

	for _, to := range []string{"http://models.example/m", "http://models.example:443/m", "ftp://models.example/m", "file:///etc/passwd",
		"https://user:secret@models.example/m", "https://models.example/" + strings.Repeat("a", maxURLBytes)} {
		_, err = get(t, client(network), "https://elsewhere.example/?to="+to)
		require.ErrorIs(t, err, ErrForbidden, to)
	}
	body, err = get(t, client(network), "https://elsewhere.example/?to=https://models.example/0")
	require.NoError(t, err)
	require.Equal(t, "hello", body)
}

func TestAPeerDoesNotRedirect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	response, err := NewPeerClient(nil).Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusFound, response.StatusCode)
}

func TestWhatIsAskedIsPlain(t *testing.T) {
	network := fakenet.New(t)
	network.Serve("models.example", outside, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "HTTP/1.1", r.Proto)
		require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		require.Empty(t, r.Header.Get("Authorization"))
		fmt.Fprint(w, "hello")
	}))
	_, err := get(t, client(network), "https://models.example/m")
	require.NoError(t, err)
}

func TestHostsThatDoNotBehave(t *testing.T) {
	network := fakenet.New(t)
	network.Serve("models.example", outside, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 2*maxHeaderBytes))
	}))
	_, err := get(t, client(network), "https://models.example/m")
	require.ErrorContains(t, err, "headers")
	_, err = get(t, NewClient(Options{Resolver: network, Connector: network}), "https://models.example/m")
	require.ErrorContains(t, err, "certificate")
	network.Answer("many.example", "1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4", "1.0.0.5", "1.0.0.6", "1.0.0.7", "1.0.0.8")
	network.Dials()
	_, err = get(t, client(network), "https://many.example/m")
	require.Error(t, err)
	require.Len(t, network.Dials(), maxAddresses)
	network.Answer("none.example")
	_, err = get(t, client(network), "https://none.example/m")
	require.ErrorContains(t, err, "no address")
	_, err = get(t, client(network), "http://models.example/m")
	require.ErrorIs(t, err, ErrForbidden)
}
