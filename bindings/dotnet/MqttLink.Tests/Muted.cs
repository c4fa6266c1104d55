using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace MqttLink.Tests
{
    /// <summary>A server that accepts one connection of MQTT 5.0, with CONNACK, and never says a word again.</summary>
    internal sealed class Muted : IDisposable
    {
        private readonly TcpListener listener = new TcpListener(OwnAddress.Next(), 0);
        private readonly ManualResetEvent more = new ManualResetEvent(false);
        private volatile TcpClient accepted;

        internal Muted()
        {
            listener.Start();
            Url = "mqtt://" + listener.LocalEndpoint;
            new Thread(Serve) { IsBackground = true }.Start();
        }

        internal string Url { get; }

        /// <summary>Waits until something has come behind CONNECT.</summary>
        internal void WaitForBytes()
        {
            if (!more.WaitOne(10000))
            {
                throw new TimeoutException("nothing came behind CONNECT");
            }
        }

        public void Dispose()
        {
            listener.Stop();
            accepted?.Close();
        }

        private void Serve()
        {
            try
            {
                accepted = listener.AcceptTcpClient();
                var stream = accepted.GetStream();
                var buffer = new byte[65536];
                // CONNECT comes in one piece over the loopback, since it is sent in one.
                stream.Read(buffer, 0, buffer.Length);
                var method = System.Text.Encoding.ASCII.GetString(buffer).Contains("NONE");
                var answer = method
                    ? new byte[] { 0x20, 10, 0, 0, 7, 0x15, 0, 4, (byte)'N', (byte)'O', (byte)'N', (byte)'E' }
                    : new byte[] { 0x20, 3, 0, 0, 0 };
                stream.Write(answer, 0, answer.Length);
                while (stream.Read(buffer, 0, buffer.Length) > 0)
                {
                    more.Set();
                }
            }
            catch (Exception exception) when (exception is SocketException || exception is System.IO.IOException
                || exception is ObjectDisposedException || exception is InvalidOperationException)
            {
                // The test is over.
            }
        }
    }
}
