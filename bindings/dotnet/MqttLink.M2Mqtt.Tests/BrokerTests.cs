using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using MqttLink.Tests;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;
using Classic = uPLibrary.Networking.M2Mqtt;
using ClassicMessages = uPLibrary.Networking.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Against real brokers: mosquitto and the embedded one, in every version, over TCP and TLS.</summary>
    public sealed class BrokerTests
    {
        [Test]
        [Case(MqttProtocolVersion.Version_3_1, true)]
        [Case(MqttProtocolVersion.Version_3_1_1, true)]
        [Case(MqttProtocolVersion.Version_5, true)]
        [Case(MqttProtocolVersion.Version_3_1, false)]
        [Case(MqttProtocolVersion.Version_3_1_1, false)]
        [Case(MqttProtocolVersion.Version_5, false)]
        public void MessagesOfEveryQosArrive(MqttProtocolVersion version, bool mosquitto)
        {
            WithBroker(mosquitto, port =>
            {
                using (MqttClient client = Clients.For(port, version))
                {
                    Recorder events = new Recorder(client);
                    Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                    ushort id = client.Subscribe(new[] { "a/#" }, new[] { MqttQoSLevel.ExactlyOnce });
                    events.Await("subscribed " + id + " 2");
                    foreach (MqttQoSLevel level in new[] { 0, 1, 2 })
                    {
                        Check.Equal(0, (int)client.PublishAndWait(
                            "a/b", Encoding.UTF8.GetBytes(level.ToString()), level, false, 10000));
                        var message = events.Await<MqttMsgPublishEventArgs>("message a/b " + level);
                        Check.Equal(level, message.QosLevel);
                    }

                    client.Publish("a/kept", Encoding.UTF8.GetBytes("k"), MqttQoSLevel.AtLeastOnce, true);
                    events.Await("message a/kept k");
                    id = client.Unsubscribe(new[] { "a/#" });
                    events.Await("unsubscribed " + id);
                    id = client.Subscribe(new[] { "a/kept" }, new[] { MqttQoSLevel.AtMostOnce });
                    events.Await("subscribed " + id + " 0");
                    Check.Eventually(() => events.Messages("message a/kept k").Length == 2, "retained");
                    Check.True(events.Messages("message a/kept k")[1].Retain, "that it says so");
                    client.Disconnect();
                    events.Await("closed");
                }
            });
        }

        /// <summary>Mutual TLS, with the certificate in each form that programs have it in.</summary>
        [Test(Seconds = 60)]
        [Case("pem", MqttProtocolVersion.Version_3_1, true)]
        [Case("pkcs12", MqttProtocolVersion.Version_3_1_1, true)]
        [Case("bytes", MqttProtocolVersion.Version_5, true)]
        [Case("pem", MqttProtocolVersion.Version_5, false)]
        [Case("pkcs12", MqttProtocolVersion.Version_3_1, false)]
        [Case("bytes", MqttProtocolVersion.Version_3_1_1, false)]
        public void TlsWithAClientCertificate(string form, MqttProtocolVersion version, bool mosquitto)
        {
            Certificates certificates = Certificates.Get;
            WithTls(mosquitto, port =>
            {
                PemCertificate authority = new PemCertificate(File.ReadAllText(certificates.Authority));
                string pem = File.ReadAllText(certificates.Client);
                string key = File.ReadAllText(certificates.ClientKey);
                X509Certificate own = form == "pem"
                    ? (X509Certificate)new PemCertificate(pem, key, null)
                    : new X509Certificate2(certificates.ClientPack, "secret", X509KeyStorageFlags.Exportable);
                using (MqttClient client = new MqttClient(
                    "localhost", port, true, authority, own, MqttSslProtocols.TLSv1_2))
                {
                    if (form == "bytes")
                    {
                        client.Init("localhost", port, true, File.ReadAllBytes(certificates.Authority),
                            Encoding.ASCII.GetBytes(pem + key), MqttSslProtocols.TLSv1_3);
                    }

                    client.ProtocolVersion = version;
                    Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                    client.PublishAndWait("t", new byte[1000], MqttQoSLevel.ExactlyOnce, false, 10000);
                    client.Disconnect();
                }

                using (MqttClient stranger = new MqttClient(
                    "localhost", port, true, null, own, MqttSslProtocols.None))
                {
                    MqttConnectionException error =
                        Check.Throws<MqttConnectionException>(() => stranger.Connect("c"));
                    Check.True(error.Message.Contains("localhost"), error.Message);
                    stranger.Settings.ValidateServerCertificate = false;
                    Check.Equal(MqttReasonCode.Success, stranger.Connect("c"));
                }
            });

            foreach (MqttSslProtocols old in
                new[] { MqttSslProtocols.SSLv3, MqttSslProtocols.TLSv1_0, MqttSslProtocols.TLSv1_1 })
            {
                Check.Throws<ArgumentException>(() => new MqttClient("localhost", 8883, true, null, null, old));
            }
        }

        /// <summary>The older façade, from its constructors to its codes.</summary>
        [Test]
        [Case(Classic.MqttProtocolVersion.Version_3_1, true)]
        [Case(Classic.MqttProtocolVersion.Version_3_1_1, true)]
        [Case(Classic.MqttProtocolVersion.Version_3_1_1, false)]
        public void TheClassicClientWorks(Classic.MqttProtocolVersion version, bool mosquitto)
        {
            WithBroker(mosquitto, port =>
            {
                using (Classic.MqttClient client = new Classic.MqttClient(
                    "127.0.0.1", port, false, null, null, Classic.MqttSslProtocols.None))
                {
                    List<string> lines = new List<string>();
                    AutoResetEvent came = new AutoResetEvent(false);
                    Action<string> note = line =>
                    {
                        lock (lines)
                        {
                            lines.Add(line);
                        }

                        came.Set();
                    };
                    client.ProtocolVersion = version;
                    client.MqttMsgSubscribed += (sender, e) => note("subscribed " + e.GrantedQoSLevels[0]);
                    client.MqttMsgPublishReceived += (sender, e) => note(e.Topic + " " + e.QosLevel);
                    client.ConnectionClosed += (sender, e) => note("closed");
                    Check.Equal(ClassicMessages.MqttMsgConnack.CONN_ACCEPTED, client.Connect("c"));
                    client.Subscribe(new[] { "t" }, new[] { ClassicMessages.MqttMsgBase.QOS_LEVEL_AT_LEAST_ONCE });
                    Check.Signalled(came, "the subscription");
                    client.Publish("t", new byte[1], ClassicMessages.MqttMsgBase.QOS_LEVEL_EXACTLY_ONCE, false);
                    Check.Signalled(came, "the message");
                    client.Disconnect();
                    Check.Signalled(came, "the end");
                    Check.Equal(new[] { "subscribed 1", "t 1", "closed" }, lines);
                    Check.Throws<Classic.Exceptions.MqttCommunicationException>(() => client.Disconnect());
                    Check.Equal(Classic.Exceptions.MqttClientErrorCode.TopicWildcard,
                        Check.Throws<Classic.Exceptions.MqttClientException>(
                            () => client.Publish("#", new byte[1])).ErrorCode);
                }
            });
        }

        /// <summary>The program decides about the server's certificate, and chooses the client's.</summary>
        [Test(Seconds = 60)]
        public void TheClassicCertificateCallbacksAreAsked()
        {
            Certificates certificates = Certificates.Get;
            X509Certificate2 own = new X509Certificate2(
                certificates.ClientPack, "secret", X509KeyStorageFlags.Exportable);
            using (Mosquitto broker = Mosquitto.Start(certificates))
            {
                string seen = null;
                bool answer = true;
                using (Classic.MqttClient client = new Classic.MqttClient("localhost", broker.TlsPort, true,
                    Classic.MqttSslProtocols.TLSv1_2,
                    (sender, certificate, chain, errors) =>
                    {
                        seen = certificate.Subject + " " + errors;
                        return answer;
                    },
                    (sender, host, local, remote, issuers) => own))
                {
                    Check.Equal(ClassicMessages.MqttMsgConnack.CONN_ACCEPTED, client.Connect("c"));
                    Check.Equal("CN=localhost RemoteCertificateChainErrors", seen);
                    client.Disconnect();
                    answer = false;
                    Check.Throws<Classic.Exceptions.MqttConnectionException>(() => client.Connect("c"));
                }

                using (Classic.MqttClient client = new Classic.MqttClient("127.0.0.1", broker.TlsPort, true,
                    new X509Certificate2(certificates.Authority), own, Classic.MqttSslProtocols.TLSv1_2,
                    (sender, certificate, chain, errors) =>
                    {
                        seen = errors.ToString();
                        return errors == System.Net.Security.SslPolicyErrors.None;
                    }))
                {
                    Check.Equal(ClassicMessages.MqttMsgConnack.CONN_ACCEPTED, client.Connect("c"), seen);
                }
            }
        }

        /// <summary>The trace of the older façade shows packets, without payloads.</summary>
        [Test]
        public void TheClassicTraceShowsPackets()
        {
            List<string> lines = new List<string>();
            Classic.Utility.Trace.TraceListener = (format, arguments) =>
            {
                lock (lines)
                {
                    lines.Add(string.Format(format, arguments));
                }
            };
            Classic.Utility.Trace.TraceLevel =
                Classic.Utility.TraceLevel.Frame | Classic.Utility.TraceLevel.Information;
            try
            {
                WithBroker(true, port =>
                {
                    using (Classic.MqttClient client = new Classic.MqttClient(
                        "127.0.0.1", port, false, null, null, Classic.MqttSslProtocols.None))
                    {
                        client.Connect("c");
                        client.Publish("secret/topic", Encoding.ASCII.GetBytes("hush"), 1, false);
                        foreach (string packet in new[] { "sent CONNECT", "sent PUBLISH", "received PUBACK" })
                        {
                            Check.Eventually(() => Has(lines, packet), packet + " in the trace");
                        }

                        client.Disconnect();
                    }
                });
                Check.True(!Has(lines, "hush"), "no payload is shown");
            }
            finally
            {
                Classic.Utility.Trace.TraceListener = null;
            }
        }

        private static bool Has(List<string> lines, string part)
        {
            lock (lines)
            {
                return lines.Any(line => line.Contains(part));
            }
        }

        private static void WithTls(bool mosquitto, Action<int> test)
        {
            Certificates certificates = Certificates.Get;
            if (mosquitto)
            {
                using (Mosquitto broker = Mosquitto.Start(certificates))
                {
                    test(broker.TlsPort);
                }

                return;
            }

            var tls = new MqttLink.MqttServerTls(certificates.Server, certificates.ServerKey)
                .WithClientAuthorityFile(certificates.Authority).RequireClientCertificate(true);
            using (var broker = new MqttLink.MqttBroker(new MqttLink.MqttBrokerOptions().Listen("127.0.0.1:0", tls)))
            {
                test(broker.Port);
            }
        }

        private static void WithBroker(bool mosquitto, Action<int> test)
        {
            if (mosquitto)
            {
                using (Mosquitto broker = Mosquitto.Start())
                {
                    test(broker.Port);
                }
            }
            else
            {
                using (var broker = new MqttLink.MqttBroker())
                {
                    test(broker.Port);
                }
            }
        }
    }
}
