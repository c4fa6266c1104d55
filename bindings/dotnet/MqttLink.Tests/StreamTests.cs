using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Packets over streams that the program opens.</summary>
    public sealed class StreamTests
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        /// <summary>
        /// A stream that has what every stream must have and no more. What is held is not written, as if the other side
        /// took nothing.
        /// </summary>
        private sealed class Plain : Stream
        {
            private readonly Stream inner;
            private readonly ManualResetEvent mayWrite = new ManualResetEvent(true);
            private volatile bool isDisposed;

            internal Plain(string host, int port)
            {
                inner = new TcpClient(host, port) { NoDelay = true }.GetStream();
            }

            internal bool IsDisposed => isDisposed;

            public override bool CanRead => true;

            public override bool CanSeek => false;

            public override bool CanWrite => true;

            public override long Length => throw new NotSupportedException();

            public override long Position
            {
                get => throw new NotSupportedException();
                set => throw new NotSupportedException();
            }

            internal void Hold()
            {
                mayWrite.Reset();
            }

            internal void End()
            {
                inner.Dispose();
            }

            public override int Read(byte[] buffer, int offset, int count)
            {
                return inner.Read(buffer, offset, count);
            }

            public override void Write(byte[] buffer, int offset, int count)
            {
                mayWrite.WaitOne();
                inner.Write(buffer, offset, count);
            }

            public override void Flush()
            {
            }

            public override long Seek(long offset, SeekOrigin origin)
            {
                throw new NotSupportedException();
            }

            public override void SetLength(long value)
            {
                throw new NotSupportedException();
            }

            protected override void Dispose(bool disposing)
            {
                Check.True(!isDisposed, "that it is disposed once");
                isDisposed = true;
                inner.Dispose();
                mayWrite.Set();
            }
        }

        private static MqttClient Over(MqttBroker broker, Action<Plain> opened, Action<MqttClientOptions> change = null)
        {
            var options = new MqttClientOptions("the.program.knows", broker.Port).WithTransport((host, port, limit) =>
            {
                Check.Equal("the.program.knows", host);
                Check.True(limit > TimeSpan.Zero && limit <= TimeSpan.FromSeconds(60), "the time left: " + limit);
                var stream = new Plain("127.0.0.1", port);
                opened(stream);
                return stream;
            });
            change?.Invoke(options);
            return new MqttClient(options);
        }

        [Test]
        [Case(MqttProtocol.Mqtt31, MqttQoS.AtMostOnce)]
        [Case(MqttProtocol.Mqtt311, MqttQoS.AtLeastOnce)]
        [Case(MqttProtocol.Mqtt50, MqttQoS.ExactlyOnce)]
        public void Messages_go_over_an_SslStream_with_a_client_certificate(MqttProtocol protocol, MqttQoS qos)
        {
            var made = Certificates.Get;
            using (var own = new X509Certificate2(made.ClientPack, "secret"))
            using (var mosquitto = Mosquitto.Start(made))
            {
                var options = new MqttClientOptions("localhost", mosquitto.TlsPort).WithProtocol(protocol).WithTransport(
                    (host, port, limit) =>
                    {
                        var tcp = new TcpClient(host, port) { NoDelay = true };
                        var tls = new SslStream(
                            tcp.GetStream(), false, (sender, shown, chain, errors) => shown.Subject == "CN=localhost");
                        tls.AuthenticateAsClient(
                            host, new X509CertificateCollection { own }, SslProtocols.Tls12, false);
                        return tls;
                    });
                RoundTripTests.ThereAndBack(options, qos);
                // The same options, another connection.
                RoundTripTests.ThereAndBack(options, qos);
            }
        }

        [Test]
        [Case(MqttQoS.AtMostOnce)]
        [Case(MqttQoS.AtLeastOnce)]
        [Case(MqttQoS.ExactlyOnce)]
        public void A_stream_needs_no_more_than_Read_and_Write(MqttQoS qos)
        {
            using (var broker = new MqttBroker())
            using (var received = new BlockingCollection<MqttMessage>())
            {
                Plain stream = null;
                using (var client = Over(broker, opened => stream = opened))
                {
                    client.Connect();
                    client.Subscribe("large", qos, received.Add);
                    var payload = new byte[1000000];
                    new Random(3).NextBytes(payload);
                    for (var round = 0; round < 3; round++)
                    {
                        client.Publish("large", payload, qos).Wait(Soon);
                        Check.True(received.TryTake(out var message, Soon), "that it comes");
                        Check.True(payload.SequenceEqual(message.Payload), "that every byte comes");
                    }
                    client.Disconnect();
                    Check.True(stream.IsDisposed, "that the stream is disposed");
                    client.Reconnect();
                    Check.True(!stream.IsDisposed, "that there is a new stream");
                }
                Check.True(stream.IsDisposed, "that the stream is disposed");
            }
        }

        [Test]
        public void What_the_function_throws_is_the_reason_of_the_failure()
        {
            var options = new MqttClientOptions("host", 1).WithTransport(
                (host, port, limit) => throw new AuthenticationException("the token is not plugged in"));
            using (var client = new MqttClient(options))
            {
                for (var round = 0; round < 2; round++)
                {
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.True(failure.InnerException is AuthenticationException, "" + failure.InnerException);
                    Check.True(failure.Message.Contains("the token is not plugged in"), failure.Message);
                    Check.Equal(MqttStage.Tcp, failure.Stage);
                }
            }
            using (var client = new MqttClient(new MqttClientOptions("host", 1).WithTransport((host, port, limit) => null)))
            {
                var failure = Check.Throws<MqttException>(() => client.Connect());
                Check.True(failure.Message.Contains("WithTransport has returned no stream"), failure.Message);
            }
            Check.Throws<ArgumentNullException>(() => new MqttClientOptions("host", 1).WithTransport(null));
        }

        [Test]
        public void The_end_of_a_stream_is_the_end_of_the_connection()
        {
            using (var broker = new MqttBroker())
            using (var ended = new BlockingCollection<MqttException>())
            {
                Plain stream = null;
                using (var client = Over(broker, opened => stream = opened))
                {
                    client.ConnectionClosed += (sender, closed) => ended.Add(closed.Error);
                    client.Connect();
                    stream.End();
                    Check.True(ended.TryTake(out var error, Soon), "that the end is told");
                    Check.True(error != null && error.IsDisconnected, "" + error);
                    Check.True(error.InnerException is IOException || error.InnerException is ObjectDisposedException
                        || error.Status == MqttStatus.ConnectionClosed, "why: " + error);
                    Check.Equal(MqttClientState.Disconnected, client.State);
                }
            }
        }

        /// <summary>The timers of the connection run although the stream blocks.</summary>
        [Test(Seconds = 60)]
        public void A_stream_that_takes_nothing_any_more_is_noticed()
        {
            using (var broker = new MqttBroker())
            using (var ended = new BlockingCollection<MqttException>())
            {
                Plain stream = null;
                using (var client = Over(broker, opened => stream = opened, options => options
                    .WithKeepAlive(TimeSpan.FromSeconds(1)).WithPingTimeout(TimeSpan.FromSeconds(1))))
                {
                    client.ConnectionClosed += (sender, closed) => ended.Add(closed.Error);
                    client.Connect();
                    stream.Hold();
                    Check.True(ended.TryTake(out var error, TimeSpan.FromSeconds(40)), "that it is noticed");
                    Check.True(error != null, "that it is a loss");
                    Check.True(stream.IsDisposed, "that the stream is disposed");
                }
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Forget(MqttBroker broker)
        {
            for (var number = 0; number < 10; number++)
            {
                Over(broker, stream => { }).Connect();
            }
        }

        [Test(Seconds = 60)]
        public void Clients_with_streams_that_nobody_disposes_are_collected()
        {
            using (var broker = new MqttBroker())
            {
                Forget(broker);
                Check.Eventually(
                    () =>
                    {
                        LifetimeTests.Settle();
                        return broker.Clients.Count <= 2;
                    },
                    "the end of clients that are forgotten", 50);
            }
        }

        [Test(Seconds = 60)]
        public void Dispose_does_not_wait_for_a_stream_that_takes_nothing()
        {
            Check.Within(2500, "to dispose a client with a stream that takes nothing", () =>
            {
                using (var broker = new MqttBroker())
                {
                    Plain stream = null;
                    var client = Over(broker, opened => stream = opened);
                    client.Connect();
                    stream.Hold();
                    while (client.TryPost(new MqttPublication("a", new byte[100000])) != 0)
                    {
                    }
                    var clock = Stopwatch.StartNew();
                    client.Dispose();
                    Check.True(stream.IsDisposed, "that the stream is disposed");
                    return clock.ElapsedMilliseconds;
                }
            });
        }
    }
}
