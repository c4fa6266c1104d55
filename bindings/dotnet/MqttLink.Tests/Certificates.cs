using System;
using System.IO;

namespace MqttLink.Tests
{
    /// <summary>An authority, a server's and a client's certificate, made for one run of the tests.</summary>
    internal sealed class Certificates
    {
        private static readonly Lazy<Certificates> Made = new Lazy<Certificates>(() => new Certificates());

        private readonly string folder = Paths.NewFolder();

        private Certificates()
        {
            Run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=mqttlink-test-ca");
            File.WriteAllText(In("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
            File.WriteAllText(In("client.ext"), "extendedKeyUsage=clientAuth\n");
            Run("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
            Sign("server", "server.ext");
            Run("req -newkey rsa:2048 -nodes -keyout client.key -out client.csr -subj /CN=device");
            Sign("client", "client.ext");
            Run("ecparam -name prime256v1 -genkey -noout -out curve.key");
            Run("req -new -key curve.key -out curve.csr -subj /CN=curve");
            Sign("curve", "client.ext");
            Pack("server");
            Pack("client");
            Pack("curve");
        }

        internal static Certificates Get => Made.Value;

        internal string Authority => In("ca.pem");

        internal string Server => In("server.pem");

        internal string ServerKey => In("server.key");

        /// <summary>As <see cref="ClientPack"/>.</summary>
        internal string ServerPack => In("server.p12");

        internal string Client => In("client.pem");

        internal string ClientKey => In("client.key");

        /// <summary>The client's certificate and key as PKCS#12 that this runtime reads; the password is "secret".</summary>
        internal string ClientPack => In("client.p12");

        /// <summary>One with an elliptic curve.</summary>
        internal string CurvePack => In("curve.p12");

        private void Sign(string name, string extensions)
        {
            Run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
                + extensions + " -out " + name + ".pem");
        }

        private void Pack(string name)
        {
            // Mono reads the older encryption only, and OpenSSL 3 the newer.
            var old = Type.GetType("Mono.Runtime") == null ? "" : "-legacy ";
            Run("pkcs12 -export " + old + "-in " + name + ".pem -inkey " + name + ".key -out " + name
                + ".p12 -passout pass:secret");
        }

        private void Run(string arguments)
        {
            Paths.Run("sh", "-c \"cd '" + folder + "' && openssl " + arguments + "\"");
        }

        private string In(string name)
        {
            return Path.Combine(folder, name);
        }
    }
}
