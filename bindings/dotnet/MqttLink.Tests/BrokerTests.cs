using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Text;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>The broker's hooks, events and tools for tests, and enhanced authentication from both ends.</summary>
    public sealed class BrokerTests
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        // Each step's data is the last one's with a letter behind it.
        private sealed class Echo : IMqttExchange, IMqttAuthenticator
        {
            internal readonly ConcurrentQueue<string> Steps = new ConcurrentQueue<string>();
            internal string Wrong;

            public string Method => "ECHO";

            public MqttExchangeStep Step(byte[] data)
            {
                var text = Encoding.UTF8.GetString(data);
                Steps.Enqueue(text);
                return text.Length < 3 ? MqttExchangeStep.Continue(Encoding.UTF8.GetBytes(text + "s"))
                    : MqttExchangeStep.Accept(Encoding.UTF8.GetBytes("bye"), "echo-user");
            }

            public byte[] Start()
            {
                return Encoding.UTF8.GetBytes("c");
            }

            public byte[] Respond(byte[] challenge)
            {
                if (Wrong == "respond")
                {
                    throw new InvalidOperationException("this server is not mine");
                }
                return Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(challenge) + "c");
            }

            public void Finish(byte[] data)
            {
                Check.Equal("bye", Encoding.UTF8.GetString(data));
                Steps.Enqueue("finish");
            }
        }

        [Test]
        public void An_authenticator_is_carried_through_and_again()
        {
            var exchange = new Echo();
            var options = MqttBrokerOptions.ForTest().OnExchange(
                peer => peer.Properties.Text(MqttPropertyId.AuthenticationMethod) == "ECHO" ? exchange : null);
            using (var broker = new MqttBroker(options))
            {
                var mine = new Echo();
                using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithAuthenticator(mine)))
                {
                    client.Connect();
                    Check.Equal(new[] { "c", "csc" }, exchange.Steps.ToArray());
                    Check.Equal("echo-user", broker.Clients.Single().User);
                    client.ReAuthenticate();
                    Check.Equal(new[] { "finish", "finish" }, mine.Steps.ToArray());
                }
                mine.Wrong = "respond";
                using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithAuthenticator(mine)))
                {
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.Equal(MqttStatus.AuthenticationFailed, failure.Status);
                    Check.Equal("this server is not mine", failure.InnerException.Message);
                }
            }
        }

        [Test]
        public void Challenges_raise_an_event_that_answers_them()
        {
            var exchange = new Echo();
            using (var broker = new MqttBroker(MqttBrokerOptions.ForTest().OnExchange(peer => exchange)))
            {
                var options = new MqttClientOptions(broker.Url).WithAuthentication("ECHO", new[] { (byte)'c' });
                using (var client = new MqttClient(options))
                {
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.Equal(MqttStatus.AuthenticationFailed, failure.Status);
                    var finished = 0;
                    client.Authentication += (sender, step) =>
                    {
                        Check.Equal("ECHO", step.Method);
                        finished += step.IsFinished ? 1 : 0;
                        step.Response = step.Data.Concat(new[] { (byte)'c' }).ToArray();
                    };
                    client.Connect();
                    Check.Equal(1, finished);
                }
            }
        }

        [Test]
        public void Hooks_decide_change_and_are_told()
        {
            var events = new BlockingCollection<string>();
            var options = MqttBrokerOptions.ForTest()
                .OnAuthenticate(request =>
                {
                    request.User = "known-" + request.Peer.ClientId;
                    return request.Peer.ClientId == "bad" ? MqttReason.Banned : MqttReason.Success;
                })
                .OnAuthorize(access => access.Peer.User == "known-good" && access.Topic != "forbidden")
                .OnIntercept(draft =>
                {
                    if (draft.Topic == "refuse")
                    {
                        return MqttReason.PayloadFormatInvalid;
                    }
                    draft.Payload = draft.Payload.Reverse().ToArray();
                    draft.Properties = new MqttProperties().AddUser("seen", "yes");
                    return MqttReason.Success;
                })
                .OnEvent(what => events.Add(what.Kind + " " + what.ClientId + " " + what.Topic));
            using (var broker = new MqttBroker(options))
            using (var all = broker.Subscribe("#"))
            {
                using (var bad = new MqttClient(broker.InProcess().WithClientId("bad")))
                {
                    Check.Equal(MqttReason.Banned, Check.Throws<MqttException>(() => bad.Connect()).Reason);
                }
                using (var good = new MqttClient(broker.InProcess().WithClientId("good")))
                {
                    good.Connect();
                    var failure = Check.Throws<MqttException>(() => good.Subscribe("forbidden", MqttQoS.AtLeastOnce));
                    Check.Equal(MqttStatus.SubscribeRefused, failure.Status);
                    Check.Equal(MqttReason.NotAuthorized, failure.Reason);
                    failure = Check.Throws<MqttException>(
                        () => good.Publish("refuse", "x", MqttQoS.AtLeastOnce).Wait());
                    Check.Equal(MqttStatus.PublishRefused, failure.Status);
                    Check.Equal(MqttReason.PayloadFormatInvalid, failure.Reason);
                    good.Publish("turned", "abc", MqttQoS.AtLeastOnce).Wait();
                    using (var message = all.Receive(Soon))
                    {
                        Check.Equal("cba", message.Text);
                        Check.Equal("yes", message.Properties.User("seen"));
                    }
                    good.Subscribe("fine", MqttQoS.AtLeastOnce);
                }
                var told = Enumerable.Range(0, 4).Select(number => events.Take()).ToArray();
                Check.Equal(
                    new[] { "Refused bad ", "Connected good ", "Subscribed good fine", "Disconnected good " }, told);
            }
        }

        [Test]
        public void What_a_hook_throws_refuses_and_is_told()
        {
            var errors = new BlockingCollection<string>();
            var options = MqttBrokerOptions.ForTest()
                .OnAuthorize(access => throw new InvalidOperationException("authorize"))
                .OnHookError(exception => errors.Add(exception.Message));
            using (var broker = new MqttBroker(options))
            using (var client = new MqttClient(broker.Url))
            {
                client.Connect();
                var failure = Check.Throws<MqttException>(
                    () => client.Publish("a", "x", MqttQoS.AtLeastOnce).Wait());
                Check.Equal(MqttReason.NotAuthorized, failure.Reason);
                Check.Equal("authorize", errors.Take());
            }
        }

        [Test]
        public void A_certificate_says_who_a_client_is()
        {
            var made = Certificates.Get;
            var seen = new BlockingCollection<MqttPeer>();
            var tls = new MqttServerTls(made.Server, made.ServerKey).WithClientAuthorityFile(made.Authority);
            var options = MqttBrokerOptions.ForTest().Listen("127.0.0.1:0", tls).OnAuthenticate(request =>
            {
                seen.Add(request.Peer);
                return MqttReason.Success;
            });
            using (var broker = new MqttBroker(options))
            {
                var port = int.Parse(broker.Addresses[1].Split(':')[1]);
                var trust = new MqttTlsOptions().WithAuthorityFile(made.Authority).WithSystemRoots(false)
                    .WithCertificateFiles(made.Client, made.ClientKey, null);
                using (var client = new MqttClient(new MqttClientOptions("localhost", port).WithTls(trust)))
                {
                    client.Connect();
                    var peer = seen.Take();
                    Check.Equal("device", peer.CertificateCommonName);
                    Check.True(peer.Certificate.Length > 300, "the certificate");
                    Check.True(peer.Address.StartsWith("127.0.0.1:"), peer.Address);
                }
            }
        }

        [Test]
        public void A_broker_stops_and_says_so()
        {
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(broker.Url))
            using (var goodbye = new BlockingCollection<MqttReason?>())
            {
                client.ServerDisconnected += (sender, closed) => goodbye.Add(closed.Error.Reason);
                client.Connect();
                Check.Equal(1UL, broker.GetStatistics().ClientsConnected);
                broker.Stop(Soon);
                Check.Equal(MqttReason.ServerShuttingDown, goodbye.Take());
                var failure = Check.Throws<MqttException>(() => broker.Publish(new MqttPublication("a", "x")));
                Check.Equal(MqttStatus.BrokerStopped, failure.Status);
                broker.Dispose();
                Check.Throws<ObjectDisposedException>(() => broker.Publish(new MqttPublication("a", "x")));
            }
        }

        [Test]
        public void Sessions_can_be_looked_at_and_deleted()
        {
            using (var broker = new MqttBroker())
            {
                var options = new MqttClientOptions(broker.Url).WithClientId("one").WithSessionExpiry(100);
                using (var client = new MqttClient(options))
                {
                    client.Connect();
                    client.Subscribe("a/#", MqttQoS.ExactlyOnce);
                    client.Disconnect();
                }
                broker.Publish(new MqttPublication("a/b", "x") { QoS = MqttQoS.AtLeastOnce });
                Check.Eventually(() => broker.GetSession("one").QueuedMessages == 1, "the message that waits");
                var session = broker.GetSessions().Single();
                Check.Equal("one", session.Peer.ClientId);
                Check.True(!session.IsConnected && session.EndsIn <= TimeSpan.FromSeconds(100), "that it is away");
                Check.Equal("a/#", broker.GetSubscriptions("one").Single().Key);
                Check.Equal(MqttQoS.ExactlyOnce, broker.GetSubscriptions("one").Single().Value);
                Check.True(broker.DeleteSession("one") && !broker.DeleteSession("one"), "that it is deleted once");
                Check.Equal(null, broker.GetSession("one"));
            }
        }

        [Test]
        public void A_scripted_server_breaks_the_protocol()
        {
            using (var script = new MqttScript())
            using (var client = new MqttClient(new MqttClientOptions("127.0.0.1", script.Port)))
            {
                var connecting = client.ConnectAsync();
                using (var connection = script.Accept(MqttProtocol.Mqtt50, Soon))
                {
                    Check.True(connection.ExpectPacket().StartsWith("CONNECT"), "the first packet");
                    connection.Send(0x20, 3, 0, 0, 0);
                    connecting.Wait(Soon);
                    // A second CONNACK is a violation.
                    connection.Send(0x20, 3, 0, 0, 0);
                    connection.Expect(0xe0, 1, (byte)MqttReason.ProtocolError);
                    connection.ExpectEnd();
                }
                Check.Eventually(() => client.LastError != null, "the end");
                Check.Equal(MqttStatus.ProtocolViolation, client.LastError.Status);
            }
        }

        [Test]
        public void A_payload_is_lent_and_given_back()
        {
            using (var broker = new MqttBroker())
            using (var got = broker.Subscribe("#"))
            using (var client = new MqttClient(broker.Url))
            {
                client.Connect();
                var data = Enumerable.Range(0, 100000).Select(number => (byte)number).ToArray();
                var array = new WeakReference(data);
                using (var payload = new MqttPayload(data))
                {
                    for (var round = 0; round < 3; round++)
                    {
                        var message = new MqttPublication("a", "") { QoS = (MqttQoS)round };
                        client.Publish(message, payload).Wait(Soon);
                        GC.Collect();
                        Check.Equal(data.Length, got.Receive(Soon).Payload.Length);
                    }
                }
                Check.True(array.IsAlive, "that the array is still there");
            }
        }

        [Test]
        public void A_verifier_decides_about_certificates()
        {
            var made = Certificates.Get;
            using (var broker = new MqttBroker(
                MqttBrokerOptions.ForTest().Listen("127.0.0.1:0", new MqttServerTls(made.Server, made.ServerKey))))
            {
                var port = int.Parse(broker.Addresses[1].Split(':')[1]);
                var seen = new BlockingCollection<string>();
                var answer = true;
                var tls = new MqttTlsOptions().WithVerifier((host, certificate) =>
                {
                    seen.Add(host + " " + certificate.Subject);
                    return answer;
                });
                var options = new MqttClientOptions("127.0.0.1", port).WithTls(tls);
                using (var client = new MqttClient(options))
                {
                    client.Connect();
                    Check.Equal("127.0.0.1 CN=localhost", seen.Take());
                    client.Disconnect();
                    answer = false;
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.Equal(MqttStage.Tls, failure.Stage);
                }
            }
        }
    }
}
