using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Messages there and back, in every version, at every QoS, with mosquitto and the broker inside.</summary>
    public sealed class RoundTripTests
    {
        private static MqttTlsOptions Tls()
        {
            return new MqttTlsOptions().WithAuthorityFile(Certificates.Get.Authority).WithSystemRoots(false);
        }

        internal static void ThereAndBack(MqttClientOptions options, MqttQoS qos)
        {
            using (var client = new MqttClient(options))
            using (var received = new BlockingCollection<MqttMessage>())
            {
                client.MessageReceived += (sender, message) => received.Add(message);
                client.Connect();
                Check.Equal(qos, client.Subscribe("round/+", qos));
                for (var size = 0; size <= 20000; size += 5000)
                {
                    var payload = Enumerable.Range(0, size).Select(number => (byte)number).ToArray();
                    using (var delivery = client.Publish("round/trip", payload, qos))
                    {
                        Check.Equal(MqttReason.Success, delivery.Wait().Reason);
                        Check.True(delivery.IsDone, "that the delivery is done");
                    }
                    Check.True(received.TryTake(out var message, 10000), "that the message comes back");
                    Check.Equal("round/trip", message.Topic);
                    Check.Equal(payload, message.Payload);
                    Check.Equal(qos, message.QoS);
                }
                client.Disconnect();
                Check.Equal(MqttClientState.Disconnected, client.State);
            }
        }

        [Test]
        [Case(MqttProtocol.Mqtt31, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt31, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt31, MqttQoS.ExactlyOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.ExactlyOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.ExactlyOnce)]
        public void Mosquitto_over_TCP_and_TLS_with_a_client_certificate(MqttProtocol protocol, MqttQoS qos)
        {
            using (var mosquitto = Mosquitto.Start(Certificates.Get))
            {
                ThereAndBack(new MqttClientOptions("localhost", mosquitto.Port).WithProtocol(protocol), qos);
                var tls = Tls().WithCertificateFiles(Certificates.Get.Client, Certificates.Get.ClientKey, null);
                ThereAndBack(
                    new MqttClientOptions("localhost", mosquitto.TlsPort).WithProtocol(protocol).WithTls(tls), qos);
            }
        }

        [Test]
        [Case(MqttProtocol.Mqtt31, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt31, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt31, MqttQoS.ExactlyOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.ExactlyOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.ExactlyOnce)]
        public void The_broker_inside_over_TCP_TLS_and_memory(MqttProtocol protocol, MqttQoS qos)
        {
            var made = Certificates.Get;
            var server = new MqttServerTls(made.Server, made.ServerKey)
                .WithClientAuthorityFile(made.Authority).RequireClientCertificate(true);
            using (var broker = new MqttBroker(MqttBrokerOptions.ForTest().Listen("127.0.0.1:0", server)))
            {
                ThereAndBack(new MqttClientOptions(broker.Url).WithProtocol(protocol), qos);
                ThereAndBack(broker.InProcess().WithProtocol(protocol), qos);
                var port = int.Parse(broker.Addresses[1].Split(':')[1]);
                var tls = Tls().WithCertificateFiles(made.Client, made.ClientKey, null);
                ThereAndBack(new MqttClientOptions("localhost", port).WithProtocol(protocol).WithTls(tls), qos);
            }
        }

        // More than are remembered, those that are alike but for one letter, of every length.
        private static IEnumerable<string> ManyTopics()
        {
            foreach (var length in Enumerable.Range(1, 40).Concat(new[] { 255, 256, 257, 1000 }))
            {
                yield return new string('a', length);
                yield return new string('a', length - 1) + "b";
                yield return "b" + new string('a', length - 1);
                yield return new string('ü', length);
            }
            foreach (var number in Enumerable.Range(0, 1500))
            {
                yield return "house/" + number + "/temperature";
            }
        }

        [Test]
        public void Topics_of_every_length_and_many_of_them_come_as_they_are()
        {
            using (var broker = new MqttBroker(MqttBrokerOptions.ForTest()))
            using (var client = new MqttClient(broker.InProcess().WithReceive()))
            {
                client.Connect();
                client.Subscribe("#", MqttQoS.AtMostOnce);
                foreach (var topic in ManyTopics().Concat(ManyTopics()))
                {
                    client.Send(new MqttPublication(topic, topic));
                    Check.True(client.TryReceive(TimeSpan.FromSeconds(10), out var message), "that it comes: " + topic);
                    Check.Equal(topic, message.Topic);
                    Check.Equal(topic, message.Text);
                    message.Dispose();
                }
            }
        }

        [Test]
        [Case("rsa")]
        [Case("curve")]
        [Case("memory")]
        [Case("pkcs12")]
        public void A_client_certificate_comes_from_where_it_is(string from)
        {
            var made = Certificates.Get;
            var tls = new MqttTlsOptions().WithSystemRoots(false);
            using (var authority = new X509Certificate2(made.Authority))
            {
                tls.WithAuthority(authority);
            }
            if (from == "memory")
            {
                tls.WithCertificate(File.ReadAllBytes(made.Client), File.ReadAllBytes(made.ClientKey), null);
            }
            else if (from == "pkcs12")
            {
                var file = Path.Combine(Paths.NewFolder(), "new.p12");
                Paths.Run("openssl", "pkcs12 -export -in " + made.Client + " -inkey " + made.ClientKey + " -out "
                    + file + " -passout pass:new");
                tls.WithPkcs12(File.ReadAllBytes(file), "new");
            }
            else
            {
                var file = from == "rsa" ? made.ClientPack : made.CurvePack;
                using (var certificate = new X509Certificate2(file, "secret", X509KeyStorageFlags.Exportable))
                {
                    if (from == "curve" && Type.GetType("Mono.Runtime") != null)
                    {
                        // Mono does not give such keys out; what helps is said.
                        var failure = Check.Throws<ArgumentException>(() => tls.WithCertificate(certificate));
                        Check.True(failure.Message.Contains("as PEM or as files"), failure.Message);
                        return;
                    }
                    tls.WithCertificate(certificate);
                }
            }
            using (var mosquitto = Mosquitto.Start(made))
            {
                ThereAndBack(new MqttClientOptions("localhost", mosquitto.TlsPort).WithTls(tls), MqttQoS.AtLeastOnce);
            }
        }

        [Test]
        public void Without_a_certificate_that_is_wanted_the_connection_fails_in_TLS()
        {
            using (var mosquitto = Mosquitto.Start(Certificates.Get))
            using (var client = new MqttClient(
                new MqttClientOptions("localhost", mosquitto.TlsPort).WithTls(Tls())))
            {
                var failure = Check.Throws<MqttException>(() => client.Connect());
                Check.Equal(MqttStage.Tls, failure.Stage);
                Check.True(failure.Message.Contains("certificate"), failure.Message);
            }
        }

        [Test]
        public void An_authority_that_is_not_known_is_said()
        {
            using (var mosquitto = Mosquitto.Start(Certificates.Get))
            using (var client = new MqttClient("mqtts://localhost:" + mosquitto.TlsPort))
            {
                var failure = Check.Throws<MqttException>(() => client.Connect());
                Check.Equal(MqttStatus.TlsHandshake, failure.Status);
                Check.Equal(MqttStage.Tls, failure.Stage);
            }
        }
    }
}
