using System;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>A server that does what a script says, on a loopback port of the system's choice. The script runs on
    /// a thread of its own; <see cref="Join"/> waits for its end and fails if it has failed.</summary>
    internal sealed class ScriptedServer : IDisposable
    {
        private readonly TcpListener listener = new TcpListener(MqttLink.Tests.OwnAddress.Next(), 0);
        private Task script;

        internal ScriptedServer()
        {
            listener.Start();
        }

        internal string Host
        {
            get { return ((IPEndPoint)listener.LocalEndpoint).Address.ToString(); }
        }

        internal int Port
        {
            get { return ((IPEndPoint)listener.LocalEndpoint).Port; }
        }

        /// <summary>Runs a script that accepts as many connections as it likes.</summary>
        internal static ScriptedServer Run(Action<ScriptedServer> script)
        {
            ScriptedServer server = new ScriptedServer();
            server.script = Task.Factory.StartNew(() => script(server), TaskCreationOptions.LongRunning);
            return server;
        }

        /// <summary>Runs a script for one connection, with the version of its CONNECT.</summary>
        internal static ScriptedServer Once(Action<Peer> script)
        {
            return Run(server =>
            {
                using (Peer peer = server.Accept())
                {
                    script(peer);
                }
            });
        }

        /// <summary>The next connection.</summary>
        internal Peer Accept()
        {
            Task<Socket> accepted = listener.AcceptSocketAsync();
            if (!accepted.Wait(TimeSpan.FromSeconds(15)))
            {
                throw new AssertionException("no client has connected within 15 s");
            }

            accepted.Result.NoDelay = true;
            return new Peer(accepted.Result);
        }

        /// <summary>A client for this server.</summary>
        internal MqttClient Client(MqttProtocolVersion version)
        {
            return new MqttClient(Host, Port, false, null, null, MqttSslProtocols.None)
            {
                ProtocolVersion = version
            };
        }

        internal void Join()
        {
            try
            {
                if (!script.Wait(TimeSpan.FromSeconds(20)))
                {
                    throw new AssertionException("the server's script has not ended within 20 s");
                }
            }
            catch (AggregateException error)
            {
                throw new AssertionException("the server's script: " + error.InnerException);
            }
        }

        public void Dispose()
        {
            listener.Stop();
        }
    }

    /// <summary>One connection, as the server sees it.</summary>
    internal sealed class Peer : IDisposable
    {
        private readonly Socket socket;
        private readonly MqttNetworkChannel channel;

        internal Peer(Socket socket)
        {
            this.socket = socket;
            socket.ReceiveTimeout = 15000;
            SendTimeout = 15000;
            channel = new MqttNetworkChannel(socket);
            Version = MqttProtocolVersion.Version_3_1_1;
        }

        internal MqttProtocolVersion Version { get; set; }

        /// <summary>How long the client may take nothing, in milliseconds.</summary>
        internal int SendTimeout
        {
            set { socket.SendTimeout = value; }
        }

        /// <summary>Reads CONNECT and accepts it.</summary>
        internal MqttMsgConnect Accept(MqttMsgConnack answer = null)
        {
            MqttMsgConnect connect = Expect<MqttMsgConnect>();
            Send(answer ?? new MqttMsgConnack());
            return connect;
        }

        /// <summary>The next packet, of this type.</summary>
        internal T Expect<T>() where T : MqttMsgBase
        {
            MqttMsgBase packet = Next();
            if (packet == null)
            {
                throw new AssertionException("the connection ended where a " + typeof(T).Name + " was expected");
            }

            T expected = packet as T;
            if (expected == null)
            {
                throw new AssertionException(packet.GetType().Name + " came where a " + typeof(T).Name
                    + " was expected");
            }

            return expected;
        }

        /// <summary>The connection ends without another packet.</summary>
        internal void ExpectEnd()
        {
            MqttMsgBase packet = Next();
            if (packet != null)
            {
                throw new AssertionException(packet.GetType().Name + " came where the end was expected");
            }
        }

        /// <summary>The next packet; null at the end of the connection.</summary>
        internal MqttMsgBase Next()
        {
            byte[] first = new byte[1];
            try
            {
                if (channel.Receive(first, 15000) == 0)
                {
                    return null;
                }
            }
            catch (System.IO.IOException)
            {
                return null;
            }

            return Parse(first[0]);
        }

        internal void Send(MqttMsgBase packet)
        {
            channel.Send(packet.GetBytes(Version));
        }

        internal void SendRaw(params byte[] bytes)
        {
            channel.Send(bytes);
        }

        public void Dispose()
        {
            channel.Close();
        }

        private MqttMsgBase Parse(byte first)
        {
            switch ((MqttMessageType)(first >> 4))
            {
                case MqttMessageType.Connect:
                    MqttMsgConnect connect = MqttMsgConnect.Parse(first, Version, channel);
                    Version = connect.ProtocolVersion;
                    return connect;
                case MqttMessageType.Publish: return MqttMsgPublish.Parse(first, Version, channel);
                case MqttMessageType.PublishAck: return MqttMsgPuback.Parse(first, Version, channel);
                case MqttMessageType.PublishReceived: return MqttMsgPubrec.Parse(first, Version, channel);
                case MqttMessageType.PublishRelease: return MqttMsgPubrel.Parse(first, Version, channel);
                case MqttMessageType.PublishComplete: return MqttMsgPubcomp.Parse(first, Version, channel);
                case MqttMessageType.Subscribe: return MqttMsgSubscribe.Parse(first, Version, channel);
                case MqttMessageType.Unsubscribe: return MqttMsgUnsubscribe.Parse(first, Version, channel);
                case MqttMessageType.PingRequest: return MqttMsgPingReq.Parse(first, Version, channel);
                case MqttMessageType.Disconnect: return MqttMsgDisconnect.Parse(first, Version, channel);
                case MqttMessageType.Authentication: return MqttMsgAuthentication.Parse(first, Version, channel);
                default: throw new AssertionException("a packet came that clients do not send: " + first);
            }
        }
    }
}
