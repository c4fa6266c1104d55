using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Servers at which a client has to wait: in TCP, or for the first answer, be it TLS's or MQTT's.</summary>
    internal sealed class Unresponsive : IDisposable
    {
        private readonly List<IDisposable> open = new List<IDisposable>();
        private readonly ManualResetEvent reached = new ManualResetEvent(false);
        private readonly IPAddress address = OwnAddress.Next();
        private readonly List<string> fillers = new List<string>();

        private Unresponsive()
        {
        }

        internal string Host => address.ToString();

        internal int Port { get; private set; }

        /// <summary>One that accepts a connection, reads, and says nothing.</summary>
        internal static Unresponsive Silent()
        {
            var server = new Unresponsive();
            var listener = server.Listen(10);
            // A thread in Accept would not always be woken by the end of the listener.
            listener.BeginAccept(
                accepted => new Thread(() => server.Read(listener, accepted)) { IsBackground = true }.Start(), null);
            return server;
        }

        /// <summary>One whose system drops what wants to connect, because too many wait for it already.</summary>
        internal static Unresponsive Full()
        {
            var server = new Unresponsive();
            server.Listen(0);
            for (var filler = 0; filler < 4; filler++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                server.open.Add(socket);
                socket.Bind(new IPEndPoint(server.address, 0));
                server.fillers.Add(Entry((IPEndPoint)socket.LocalEndPoint));
                socket.Blocking = false;
                try
                {
                    socket.Connect(server.address, server.Port);
                }
                catch (SocketException)
                {
                    // It is on its way, which is all that it is for.
                }
            }
            // Of a listener, the bytes to be received are the connections to be accepted: more than none is too many.
            var full = Entry(new IPEndPoint(server.address, server.Port));
            Check.Eventually(
                () => Sockets().Any(socket => socket.Local == full && socket.State == 0x0A && socket.Waiting > 0),
                "the connection that fills the server");
            return server;
        }

        /// <summary>Waits until the client has sent something, to a server that is silent.</summary>
        internal void WaitForBytes()
        {
            Check.Signalled(reached, "the client's first bytes");
        }

        /// <summary>Waits until the system of the client has asked for a connection, to a server that is full.</summary>
        internal void WaitForAttempt()
        {
            const int SynSent = 2;
            var here = Entry(new IPEndPoint(address, Port));
            Check.Eventually(
                () => Sockets().Any(socket => socket.Remote == here && socket.State == SynSent
                    && !fillers.Contains(socket.Local)),
                "the client's attempt");
        }

        public void Dispose()
        {
            lock (open)
            {
                open.ForEach(socket => socket.Dispose());
                open.Clear();
            }
        }

        // The system's table: number, local and remote address, state, what waits to be sent and to be received, and more.
        private static IEnumerable<(string Local, string Remote, int State, int Waiting)> Sockets()
        {
            foreach (var line in File.ReadAllLines("/proc/net/tcp").Skip(1))
            {
                var fields = line.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
                yield return (fields[1], fields[2], Number(fields[3]), Number(fields[4]));
            }
        }

        // An address as the table has it.
        private static string Entry(IPEndPoint end)
        {
            return BitConverter.ToUInt32(end.Address.GetAddressBytes(), 0).ToString("X8") + ":" + end.Port.ToString("X4");
        }

        // The hexadecimal number behind the last colon.
        private static int Number(string field)
        {
            return Convert.ToInt32(field.Substring(field.LastIndexOf(':') + 1), 16);
        }

        private Socket Listen(int backlog)
        {
            var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            open.Add(listener);
            listener.Bind(new IPEndPoint(address, 0));
            listener.Listen(backlog);
            Port = ((IPEndPoint)listener.LocalEndPoint).Port;
            return listener;
        }

        private void Read(Socket listener, IAsyncResult accepted)
        {
            try
            {
                var socket = listener.EndAccept(accepted);
                lock (open)
                {
                    open.Add(socket);
                }
                var buffer = new byte[4096];
                while (socket.Receive(buffer) > 0)
                {
                    reached.Set();
                }
            }
            catch (Exception exception) when (exception is SocketException || exception is ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
