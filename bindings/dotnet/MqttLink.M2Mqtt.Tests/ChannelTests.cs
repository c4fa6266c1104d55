using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;
using MqttLink.Tests;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>The channel for programs that read and write packets by themselves, over TLS.</summary>
    public sealed class ChannelTests
    {
        private const MqttProtocolVersion V311 = MqttProtocolVersion.Version_3_1_1;
        private static readonly Certificates Made = Certificates.Get;

        private static X509Certificate2 Pack(string file)
        {
            return new X509Certificate2(file, "secret", X509KeyStorageFlags.Exportable);
        }

        /// <summary>A server for one connection, which does what it is told after the handshake.</summary>
        private static Task Serve(TcpListener listener, X509Certificate certificate, Action<MqttNetworkChannel> script)
        {
            listener.Start();
            return Task.Factory.StartNew(() =>
            {
                MqttNetworkChannel channel = new MqttNetworkChannel(
                    listener.AcceptSocket(), true, certificate, MqttSslProtocols.TLSv1_2);
                try
                {
                    channel.Accept();
                    script(channel);
                }
                finally
                {
                    channel.Close();
                    listener.Stop();
                }
            }, TaskCreationOptions.LongRunning);
        }

        private static MqttNetworkChannel To(TcpListener listener, X509Certificate authority, string host = "localhost")
        {
            return new MqttNetworkChannel(host, ((IPEndPoint)listener.LocalEndpoint).Port, true, authority, null,
                MqttSslProtocols.TLSv1_2);
        }

        private static byte First(MqttNetworkChannel channel)
        {
            byte[] first = new byte[1];
            Check.Equal(1, channel.Receive(first, 15000), "how many bytes came");
            return first[0];
        }

        /// <summary>Packets there and back between two channels, larger than a record of TLS; a wait for what does not
        /// come ends in time and loses nothing.</summary>
        [Test]
        public void PacketsGoOverTlsBetweenTwoChannels()
        {
            byte[] large = Enumerable.Range(0, 100000).Select(number => (byte)number).ToArray();
            ManualResetEvent waited = new ManualResetEvent(false);
            TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
            Task server = Serve(listener, Pack(Made.ServerPack), channel =>
            {
                MqttMsgConnect connect = MqttMsgConnect.Parse(First(channel), V311, channel);
                Check.Equal("c", connect.ClientId);
                waited.WaitOne();
                channel.Send(new MqttMsgConnack().GetBytes(V311));
                MqttMsgPublish message = MqttMsgPublish.Parse(First(channel), V311, channel);
                channel.Send(message.GetBytes(V311));
            });
            MqttNetworkChannel client = To(listener, new X509Certificate2(Made.Authority));
            client.Connect();
            Check.Equal(IPAddress.Loopback, client.RemoteIpAddress);
            client.Send(new MqttMsgConnect("c").GetBytes(V311));
            Check.Equal(0, client.Receive(new byte[1], 50), "how much came of nothing");
            waited.Set();
            Check.Equal((byte)0x20, First(client));
            Check.True(client.DataAvailable, "that the rest of the packet is known to be there");
            MqttMsgConnack answer = MqttMsgConnack.Parse(0x20, V311, client);
            Check.Equal(MqttReasonCode.Success, answer.ReturnCode);
            Check.True(!client.DataAvailable, "that nothing more is there");
            client.Send(new MqttMsgPublish("t", large).GetBytes(V311));
            Check.Equal(large, MqttMsgPublish.Parse(First(client), V311, client).Message);
            Check.Equal(0, client.Receive(new byte[1], 15000), "how much came at the end");
            client.Close();
            Check.True(server.Wait(15000), "the end of the server");
        }

        /// <summary>A server that wants a certificate gets the client's.</summary>
        [Test]
        public void AClientCertificateIsShown()
        {
            using (Mosquitto broker = Mosquitto.Start(Made))
            {
                MqttNetworkChannel channel = new MqttNetworkChannel("localhost", broker.TlsPort, true,
                    new PemCertificate(File.ReadAllText(Made.Authority)), Pack(Made.ClientPack), MqttSslProtocols.TLSv1_2);
                channel.Connect();
                channel.Send(new MqttMsgConnect("c").GetBytes(V311));
                Check.Equal(
                    MqttReasonCode.Success, MqttMsgConnack.Parse(First(channel), V311, channel).ReturnCode);
                channel.Close();
                MqttNetworkChannel pem = new MqttNetworkChannel("localhost", broker.TlsPort, true, null,
                    new PemCertificate(File.ReadAllText(Made.Client), File.ReadAllText(Made.ClientKey), null),
                    MqttSslProtocols.TLSv1_2);
                ArgumentException error = Check.Throws<ArgumentException>(pem.Connect);
                Check.True(error.Message.Contains("X509Certificate2"), error.Message);
                pem.Close();
            }
        }

        /// <summary>A certificate of an authority that is not known, or for another name, is refused, unless the program
        /// does not want to know.</summary>
        [Test]
        [Case("unknown", "localhost")]
        [Case("known", "127.0.0.2")]
        public void AServerThatCannotProveWhoItIsIsRefused(string authority, string host)
        {
            X509Certificate known = authority == "known" ? new X509Certificate2(Made.Authority) : null;
            foreach (bool verified in new[] { true, false })
            {
                TcpListener listener = new TcpListener(IPAddress.Any, 0);
                Task server = Serve(listener, Pack(Made.ServerPack), channel => channel.Send(new byte[] { 7 }));
                MqttNetworkChannel client = To(listener, known, host);
                client.ValidateServerCertificate = verified;
                if (verified)
                {
                    Check.Throws<AuthenticationException>(client.Connect);
                }
                else
                {
                    client.Connect();
                    Check.Equal((byte)7, First(client));
                }

                client.Close();
                try
                {
                    Check.True(server.Wait(15000), "the end of the server");
                }
                catch (AggregateException error) when (verified)
                {
                    // The client has hung up in the middle of the handshake, or just after it.
                    Check.True(error.InnerException is IOException || error.InnerException is AuthenticationException,
                        error.ToString());
                }
            }
        }
    }
}
