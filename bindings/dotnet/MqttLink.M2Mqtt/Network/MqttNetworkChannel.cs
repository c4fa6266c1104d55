using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace nanoFramework.M2Mqtt
{
    /// <summary>A socket, with TLS if wanted, for programs that read and write packets by themselves.</summary>
    public class MqttNetworkChannel : IMqttNetworkChannel
    {
        private const int RecordMax = 16 * 1024;

        private readonly bool secure;
        private readonly X509Certificate certificate;
        private readonly X509Certificate authority;
        private readonly MqttSslProtocols protocols;
        private Socket socket;
        private Stream stream;

        // Of TLS a record is read at a time, what nobody has asked for yet is kept, and a read that came to nothing in
        // time goes on: one that was broken off would leave TLS in the middle of a record.
        private byte[] record;
        private int recordStart;
        private int recordEnd;
        private Task<int> reading;

        /// <summary>Over a connected socket.</summary>
        /// <param name="socket">The socket.</param>
        public MqttNetworkChannel(Socket socket)
            : this(socket, false, null, MqttSslProtocols.None)
        {
        }

        /// <summary>Over a socket that was accepted; <see cref="Accept"/> speaks TLS if wanted.</summary>
        /// <param name="socket">The socket.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="serverCert">The server's certificate with its private key, as <c>X509Certificate2</c>: TLS is
        /// the platform's here, which knows no PEM keys.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        public MqttNetworkChannel(
            Socket socket, bool secure, X509Certificate serverCert, MqttSslProtocols sslProtocol)
        {
            this.socket = socket ?? throw new ArgumentNullException(nameof(socket));
            this.secure = secure;
            certificate = serverCert;
            protocols = sslProtocol;
            IPEndPoint remote = socket.RemoteEndPoint as IPEndPoint;
            if (remote != null)
            {
                RemoteHostName = remote.Address.ToString();
                RemoteIpAddress = remote.Address;
                RemotePort = remote.Port;
            }

            stream = new NetworkStream(socket, false);
        }

        /// <summary>To a server, without TLS.</summary>
        /// <param name="remoteHostName">Name or address.</param>
        /// <param name="remotePort">The port.</param>
        public MqttNetworkChannel(string remoteHostName, int remotePort)
            : this(remoteHostName, remotePort, false, null, null, MqttSslProtocols.None)
        {
        }

        /// <summary>To a server.</summary>
        /// <param name="remoteHostName">Name or address.</param>
        /// <param name="remotePort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for none.</param>
        /// <param name="clientCert">The client's certificate with its private key, as <c>X509Certificate2</c>; null for
        /// none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        public MqttNetworkChannel(string remoteHostName, int remotePort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol)
        {
            RemoteHostName = remoteHostName ?? throw new ArgumentNullException(nameof(remoteHostName));
            RemotePort = remotePort;
            this.secure = secure;
            authority = caCert;
            certificate = clientCert;
            protocols = sslProtocol;
            ValidateServerCertificate = true;
        }

        /// <summary>The other side's name, or its address if no name is known.</summary>
        public string RemoteHostName { get; }

        /// <summary>The other side's address; null before a connection.</summary>
        public IPAddress RemoteIpAddress { get; private set; }

        /// <summary>The other side's port.</summary>
        public int RemotePort { get; }

        /// <inheritdoc/>
        public bool DataAvailable
        {
            get
            {
                return recordStart < recordEnd || (reading != null && reading.IsCompleted)
                    || (socket != null && socket.Available > 0);
            }
        }

        /// <inheritdoc/>
        public bool ValidateServerCertificate { get; set; }

        /// <inheritdoc/>
        public int Receive(byte[] buffer)
        {
            return Receive(buffer, 0);
        }

        /// <inheritdoc/>
        public int Receive(byte[] buffer, int timeout)
        {
            if (buffer == null)
            {
                throw new ArgumentNullException(nameof(buffer));
            }

            int filled = 0;
            while (filled < buffer.Length)
            {
                int count = stream is SslStream ? ReadRecord(buffer, filled, timeout) : Read(buffer, filled, timeout);
                if (count == 0)
                {
                    return filled;
                }

                filled += count;
            }

            return filled;
        }

        /// <inheritdoc/>
        public int Send(byte[] buffer)
        {
            if (buffer == null)
            {
                throw new ArgumentNullException(nameof(buffer));
            }

            stream.Write(buffer, 0, buffer.Length);
            stream.Flush();
            return buffer.Length;
        }

        /// <inheritdoc/>
        public void Close()
        {
            Stream old = stream;
            stream = null;
            if (old != null)
            {
                old.Dispose();
            }

            if (socket != null)
            {
                socket.Close();
            }
        }

        /// <inheritdoc/>
        public void Connect()
        {
            socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.NoDelay = true;
            socket.Connect(RemoteHostName, RemotePort);
            IPAddress remote = ((IPEndPoint)socket.RemoteEndPoint).Address;
            RemoteIpAddress = remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4() : remote;
            stream = new NetworkStream(socket, false);
            if (secure)
            {
                SslStream tls = new SslStream(stream, false, Verify);
                X509CertificateCollection own = new X509CertificateCollection();
                if (certificate != null)
                {
                    own.Add(WithKey());
                }

                tls.AuthenticateAsClient(RemoteHostName, own, MqttSslUtility.ToSslPlatformEnum(protocols), false);
                stream = tls;
            }
        }

        /// <inheritdoc/>
        public void Accept()
        {
            if (secure)
            {
                SslStream tls = new SslStream(stream, false);
                tls.AuthenticateAsServer(
                    WithKey(), false, MqttSslUtility.ToSslPlatformEnum(protocols), false);
                stream = tls;
            }
        }

        /// <summary>Reads what there is; 0 at the end, or if nothing came in time.</summary>
        private int Read(byte[] buffer, int at, int timeout)
        {
            socket.ReceiveTimeout = timeout;
            try
            {
                return stream.Read(buffer, at, buffer.Length - at);
            }
            catch (IOException error) when (IsTimeout(error))
            {
                return 0;
            }
        }

        /// <summary>As <see cref="Read"/>, of a whole record, so that TLS keeps nothing back that
        /// <see cref="DataAvailable"/> would not know of.</summary>
        private int ReadRecord(byte[] buffer, int at, int timeout)
        {
            if (recordStart == recordEnd)
            {
                record = record ?? new byte[RecordMax];
                reading = reading ?? stream.ReadAsync(record, 0, record.Length);
                if (!((IAsyncResult)reading).AsyncWaitHandle.WaitOne(timeout == 0 ? Timeout.Infinite : timeout))
                {
                    return 0;
                }

                Task<int> read = reading;
                reading = null;
                recordStart = 0;
                recordEnd = 0;
                recordEnd = read.GetAwaiter().GetResult();
            }

            int count = Math.Min(recordEnd - recordStart, buffer.Length - at);
            Buffer.BlockCopy(record, recordStart, buffer, at, count);
            recordStart += count;
            return count;
        }

        private X509Certificate WithKey()
        {
            if (certificate is PemCertificate)
            {
                throw new ArgumentException("the platform's TLS takes no private key in PEM: give the channel an"
                    + " X509Certificate2 with its key, such as new X509Certificate2(\"own.p12\", password).");
            }

            return certificate;
        }

        private static bool IsTimeout(IOException error)
        {
            SocketException inner = error.InnerException as SocketException;
            return inner != null && (inner.SocketErrorCode == SocketError.TimedOut
                || inner.SocketErrorCode == SocketError.WouldBlock);
        }

        private bool Verify(object sender, X509Certificate shown, X509Chain chain, SslPolicyErrors errors)
        {
            if (!ValidateServerCertificate)
            {
                return true;
            }

            // Not every platform looks at the name.
            bool isNamed = (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0
                && CertificateFindings.IsFor(RemoteHostName, new X509Certificate2(shown));
            bool isTrusted = errors == SslPolicyErrors.None
                || (errors == SslPolicyErrors.RemoteCertificateChainErrors && authority != null
                    && MqttSslUtility.IsIssuedBy(shown, authority));
            return isNamed && isTrusted;
        }
    }
}
