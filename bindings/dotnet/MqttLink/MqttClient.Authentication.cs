using System;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        private readonly HandlerList<MqttAuthenticationEventArgs> authentication =
            new HandlerList<MqttAuthenticationEventArgs>();
        private readonly IMqttAuthenticator authenticator;
        private readonly string authenticationMethod;
        private readonly byte[] authenticationData;
        private volatile Exception authenticationError;

        /// <summary>
        /// The server has sent a challenge of the exchange that
        /// <see cref="MqttClientOptions.WithAuthentication"/> began; set
        /// <see cref="MqttAuthenticationEventArgs.Response"/>. Runs on the thread that connects or re-authenticates.
        /// What it throws ends the exchange.
        /// </summary>
        public event EventHandler<MqttAuthenticationEventArgs> Authentication
        {
            add => authentication.Add(value);
            remove => authentication.Remove(value);
        }

        private byte[] StartAuthentication()
        {
            authenticationError = null;
            return authenticator == null ? authenticationData : authenticator.Start();
        }

        private byte[] AnswerChallenge(byte[] challenge)
        {
            if (authenticator != null)
            {
                return authenticator.Respond(challenge);
            }
            if (authentication.IsEmpty)
            {
                throw new InvalidOperationException(
                    "the server has sent a challenge, and the event Authentication has no handler");
            }
            return RaiseAuthentication(challenge, false);
        }

        private void FinishAuthentication(byte[] data)
        {
            if (authenticator != null)
            {
                authenticator.Finish(data);
            }
            else
            {
                RaiseAuthentication(data, true);
            }
        }

        private byte[] RaiseAuthentication(byte[] data, bool isFinished)
        {
            Exception thrown = null;
            var arguments = new MqttAuthenticationEventArgs(authenticationMethod, data, isFinished);
            authentication.Raise(this, arguments, exception => thrown = thrown ?? exception);
            if (thrown != null)
            {
                throw new InvalidOperationException("a handler of Authentication has thrown", thrown);
            }
            return arguments.Response;
        }

        // What the program's authenticator has thrown is the reason behind the library's.
        private void CheckAuthenticated(MqttStatus status)
        {
            var cause = authenticationError;
            if (status == MqttStatus.AuthenticationFailed && cause != null)
            {
                authenticationError = null;
                throw MqttException.Last(status).Because(cause);
            }
            MqttException.Check(status);
        }
    }
}
